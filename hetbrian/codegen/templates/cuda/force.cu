{# USES_VARIABLES { N, t, dt, t_in_timesteps, z, y, start, stop, _every, initial_P, forgetting, n_updates, _weights,
                    _activity, _P, _c, _product, _gain, _n_source, _n_weights, largest_output, _largest, _trouble,
                    _trouble_time } #}
{# WRITES_TO_READ_ONLY_VARIABLES { z, y, n_updates, _weights, _P, _c, _product, _gain, _largest, _trouble, _trouble_time } #}
{# ALLOWS_SCALAR_WRITE #}
{% extends 'common_group.cu' %}
{% block extra_headers %}
#include "network.h"
#define HETBRIAN_DEVICE __device__
{% include "limits.h" %}
{% include "rls.cuh" %}
{% if filter %}
{% include "filter.h" %}
{% include "event_rls.cuh" %}
{% endif %}
{% if random %}
{% include "intervals.h" %}
{% endif %}

{% endblock %}
{% block kernel %}
// target and readout, one block an output
__global__ void __launch_bounds__(hetbrian::BLOCK_THREADS)
_kernel_readout_{{codeobj_name}}(
    %KERNEL_PARAMETERS%
    )
{
    using namespace brian;
    %KERNEL_CONSTANTS%
    {{kernel_lines|autoindent}}
    const int _idx = blockIdx.x;
    const int _vectorisation_idx = _idx;
    const double _sum = hetbrian::readout({{_weights}} + size_t(_idx)*_n_weights, {{_activity}}, _n_source, _n_weights);
    if (threadIdx.x == 0)
    {
        {{scalar_code|autoindent}}
        {
            {{vector_code|autoindent}}
        }
        {{z}}[_idx] = _sum;
    }
}

// Whether it may learn from this sample, and P(0) if that is "auto"; one thread
template<class A>
__global__ void _kernel_limits_{{codeobj_name}}(
    const double* z, const double* y, const int n_outputs, const double limit, const int32_t* n_updates,
    double* largest, int32_t* trouble, double* time, const double t, const A* activity, const int n, const int m,
    double* initial_P)
{
    if (trouble[0]) return;
    trouble[0] = hetbrian::trouble(z, y, n_outputs, limit, n_updates[0], {{limits.first}}, largest);
    if (initial_P[0] == 0)
    {
        const double length = hetbrian::squared_length(activity, n, m > n);
        if (length > 0) initial_P[0] = {{limits.share}}/length;
        else trouble[0] = {{limits.silent}};
    }
    if (trouble[0]) time[0] = t;
}
{% endblock %}
{% block define_N %}{% endblock %}
{% block prepare_kernel %}{% endblock %}
{% block kernel_call %}
    {# clocks and constants are read on the host, whose copies are always valid: nothing waits for the device #}
    {# so a P that is not finite does not stop the run: the guard does once it reaches v, and FORCE.check says so #}
    {% macro host(name) %}{{get_array_name(variables[name], prefix='')}}[0]{% endmacro %}
    {% macro device(name) %}{{get_array_name(variables[name], prefix='dev')}}{% endmacro %}
    _kernel_readout_{{codeobj_name}}<<<N, hetbrian::BLOCK_THREADS>>>(
        %HOST_PARAMETERS%);
    CUDA_CHECK_ERROR("readout");
    {% if feedback %}
    hetbrian::feedback<<<(_n_source + hetbrian::ROW_THREADS - 1)/hetbrian::ROW_THREADS, hetbrian::ROW_THREADS>>>(
        {{device('_encoder')}}, {{device('z')}}, _n_source, N, {{device('_feedback')}});
    CUDA_CHECK_ERROR("feedback");
    {% endif %}
    bool _is_due;
    {
        {% for name in ['t', 'dt', 't_in_timesteps', 'start', 'stop'] + (['_next'] if random else ['_every']) %}
        const auto {{name}} = {{host(name)}};
        {% endfor %}
        _is_due = {{is_due}};
    }
    {% if filter %}
    {# the device changes its own; this one says which kernel the host launches #}
    int32_t& _is_dense = {{get_array_name(variables['_counts'], prefix='')}}[hetbrian::DENSE];
    const double _step[] = { {{filter.step|join(', ')}} };
    const auto _filter = hetbrian::Filter<{{filter.n_states}}>(_step).power({{host('_every')}});
    typedef std::remove_pointer_t<decltype({{device('_P')}})> _Number;
    typedef std::remove_pointer_t<decltype({{device('_activity')}})> _Activity;
    const hetbrian::States<_Activity, {{filter.n_states}}> _states = { { {{device('_activity')}}
        {%- if filter.n_states == 2 %}, {{device('_second')}}{% endif %} } };
    const hetbrian::EventState<_Number, int32_t> _state = {
        {% for name in ['_P', '_waiting', '_products', '_seen', '_gains', '_scale', '_counts'] %}{{device(name)}}, {% endfor %}
        {{filter.capacity}}, {{filter.length}}, _n_weights, {{device('_changed')}}, {{device('_by')}}, {{device('_along')}} };
    {% endif %}
    if (_is_due)
    {
        _kernel_limits_{{codeobj_name}}<<<1, 1>>>(
            {{device('z')}}, {{device('y')}}, N, {{host('largest_output')}}, {{device('n_updates')}},
            {{device('_largest')}}, {{device('_trouble')}}, {{device('_trouble_time')}}, {{host('t')}},
            {{device('_activity')}}, _n_source, _n_weights, {{device('initial_P')}});
        CUDA_CHECK_ERROR("limits");
        if ({{host('initial_P')}} == 0)  // "auto"
            CUDA_SAFE_CALL(
                cudaMemcpy(&{{host('initial_P')}}, {{device('initial_P')}}, sizeof(double), cudaMemcpyDeviceToHost)
            );
        {% if filter %}
        if (_is_dense)
        {
            hetbrian::event_changes<<<1, hetbrian::BLOCK_THREADS>>>(_state, _states, _n_source, _filter, true);
            CUDA_CHECK_ERROR("event_changes");
        }
        else
        {
            hetbrian::launch_update(
                _state, _states, _filter, {{device('_c')}}, {{device('_gain')}}, {{device('n_updates')}},
                {{device('_weights')}}, {{device('z')}}, {{device('y')}}, _n_source, N, {{host('initial_P')}},
                {{host('forgetting')}}, {{posterior}});
            CUDA_CHECK_ERROR("event_rls");
        }
        if (_is_dense)
        {% endif %}
        {
            hetbrian::rls_product<<<_n_weights, hetbrian::ROW_THREADS>>>(
                {{device('_P')}}, {{device('_c')}}, {{device('_gain')}}, {{device('n_updates')}}, {{device('_activity')}},
                _n_source, _n_weights, {{host('initial_P')}}, {{host('forgetting')}}, {{device('_product')}});
            CUDA_CHECK_ERROR("rls_product");
            hetbrian::rls_weights<<<1, hetbrian::BLOCK_THREADS>>>(
                {{device('_c')}}, {{device('_gain')}}, {{device('n_updates')}}, {{device('_weights')}}, {{device('_product')}},
                {{device('_activity')}}, {{device('z')}}, {{device('y')}}, _n_source, _n_weights, N, {{host('forgetting')}},
                {{posterior}});
            CUDA_CHECK_ERROR("rls_weights");
        }
    }
    {# as the guard: the host waits for the device for one integer, once every so many steps #}
    if ({{host('t_in_timesteps')}} % {{poll}} == 0)
    {
        CUDA_SAFE_CALL(
            cudaMemcpy(&{{host('_trouble')}}, {{device('_trouble')}}, sizeof(int32_t), cudaMemcpyDeviceToHost)
        );
        if ({{host('_trouble')}}) Network::_globally_stopped = true;
        {% if filter %}
        int32_t _counted[hetbrian::COUNTS];
        CUDA_SAFE_CALL(cudaMemcpy(_counted, {{device('_counts')}}, sizeof(_counted), cudaMemcpyDeviceToHost));
        if (_counted[hetbrian::DENSE] && !_is_dense) hetbrian::launch_flush(_state, true);
        _is_dense = _counted[hetbrian::DENSE];
        {% endif %}
    }
    {% if random %}
    if ({{host('t_in_timesteps')}} >= {{host('_next')}})
    {
        hetbrian::tick({{host('t_in_timesteps')}}, &{{host('_next')}}, &{{host('_every')}}, &{{host('_draw')}},
                       &{{host('_intervals')}}, {{n_intervals}});
        {% for name in ['_next', '_every', '_draw'] %}
        CUDA_SAFE_CALL(
            cudaMemcpy({{device(name)}}, &{{host(name)}}, sizeof(int32_t), cudaMemcpyHostToDevice)
        );
        {% endfor %}
    }
    {% endif %}
{% endblock %}
