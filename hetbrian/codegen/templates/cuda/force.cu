{# USES_VARIABLES { N, t, dt, t_in_timesteps, z, y, start, stop, _every, initial_P, forgetting, n_updates, _weights,
                    _activity, _P, _c, _product, _gain, _n_neurons, _n_weights, _n_outputs, largest_output, _largest, _trouble,
                    _trouble_time } #}
{# WRITES_TO_READ_ONLY_VARIABLES { z, y, n_updates, _weights, _P, _c, _product, _gain, _largest, _trouble, _trouble_time } #}
{# ALLOWS_SCALAR_WRITE #}
{% extends 'common_group.cu' %}
{% block extra_headers %}
#include "network.h"
#include <vector>
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
    const double _sum = hetbrian::readout(
        {{_weights}} + size_t(_idx)*_n_weights, {{_activity}} + size_t(_idx/_n_outputs)*_n_neurons, _n_neurons, _n_weights);
    if (threadIdx.x == 0)
    {
        {{scalar_code|autoindent}}
        {
            {{vector_code|autoindent}}
        }
        {{z}}[_idx] = _sum;
    }
}

// Whether a network may learn from this sample, and P(0) if that is "auto"; one thread for each network
template<class A>
__global__ void _kernel_limits_{{codeobj_name}}(
    const double* z, const double* y, const int n_outputs, const double limit, const int32_t* n_updates,
    double* largest, int32_t* trouble, double* time, const double t, const A* activity, const int n, const int m,
    double* initial_P)
{
    const size_t network = blockIdx.x;
    int32_t& found = trouble[network];
    if (found) return;
    found = hetbrian::trouble(z + network*n_outputs, y + network*n_outputs, n_outputs, limit, n_updates[0],
                              {{limits.first}}, largest + network);
    if (initial_P[network] == 0)
    {
        const double length = hetbrian::squared_length(activity + network*n, n, m > n);
        if (length > 0) initial_P[network] = {{limits.share}}/length;
        else found = {{limits.silent}};
    }
    if (found) time[network] = t;
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
    const dim3 _all_neurons((_n_neurons + hetbrian::ROW_THREADS - 1)/hetbrian::ROW_THREADS, {{networks}});
    hetbrian::feedback<<<_all_neurons, hetbrian::ROW_THREADS>>>(
        {{device('_encoder')}}, {{device('z')}}, _n_neurons, _n_outputs, {{device('_feedback')}});
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
    {# which kernel is in charge of each network; the device has a copy of it #}
    int32_t *_is_dense = &{{host('_is_dense')}}, _n_dense = 0;
    for (int _network = 0; _network < {{networks}}; _network++) _n_dense += _is_dense[_network];
    const double _step[] = { {{filter.step|join(', ')}} };
    const auto _filter = hetbrian::Filter<{{filter.n_states}}>(_step).power({{host('_every')}});
    typedef std::remove_pointer_t<decltype({{device('_P')}})> _Number;
    typedef std::remove_pointer_t<decltype({{device('_activity')}})> _Activity;
    const hetbrian::States<_Activity, {{filter.n_states}}> _states = { { {{device('_activity')}}
        {%- if filter.n_states == 2 %}, {{device('_second')}}{% endif %} } };
    const hetbrian::EventState<_Number, int32_t> _state = {
        {% for name in ['_P', '_waiting', '_products', '_seen', '_gains', '_scale', '_counts'] %}{{device(name)}}, {% endfor %}
        {{filter.capacity}}, {{filter.length}}, _n_weights, {{device('_changed')}}, {{device('_by')}}, {{device('_along')}},
        {{device('_is_dense')}} };
    {% endif %}
    if (_is_due)
    {
        _kernel_limits_{{codeobj_name}}<<<{{networks}}, 1>>>(
            {{device('z')}}, {{device('y')}}, _n_outputs, {{host('largest_output')}}, {{device('n_updates')}},
            {{device('_largest')}}, {{device('_trouble')}}, {{device('_trouble_time')}}, {{host('t')}},
            {{device('_activity')}}, _n_neurons, _n_weights, {{device('initial_P')}});
        CUDA_CHECK_ERROR("limits");
        {% if filter %}
        const int32_t* _in_charge = {{device('_is_dense')}};
        if (_n_dense < {{networks}})
        {
            hetbrian::launch_update(
                _state, _states, _filter, {{device('_c')}}, {{device('_gain')}}, {{device('n_updates')}},
                {{device('_weights')}}, {{device('z')}}, {{device('y')}}, _n_neurons, _n_outputs, {{networks}},
                {{device('initial_P')}}, {{host('forgetting')}}, {{posterior}});
            CUDA_CHECK_ERROR("event_rls");
        }
        if (_n_dense > 0)
        {
            hetbrian::event_changes<<<dim3(1, {{networks}}), hetbrian::BLOCK_THREADS>>>(
                _state, _states, _n_neurons, _filter, true);
            CUDA_CHECK_ERROR("event_changes");
        }
        if (_n_dense > 0)
        {% else %}
        const int32_t* _in_charge = nullptr;  // of all networks
        {% endif %}
        {
            hetbrian::rls_product<<<dim3(_n_weights, {{networks}}), hetbrian::ROW_THREADS>>>(
                {{device('_P')}}, {{device('_c')}}, {{device('_gain')}}, {{device('n_updates')}}, {{device('_activity')}},
                _n_neurons, _n_weights, {{device('initial_P')}}, {{host('forgetting')}}, {{device('_product')}}, _in_charge);
            CUDA_CHECK_ERROR("rls_product");
            hetbrian::rls_weights<<<dim3(1, {{networks}}), hetbrian::BLOCK_THREADS>>>(
                {{device('_c')}}, {{device('_gain')}}, {{device('_weights')}}, {{device('_product')}}, {{device('_activity')}},
                {{device('z')}}, {{device('y')}}, _n_neurons, _n_weights, _n_outputs, {{host('forgetting')}}, {{posterior}},
                _in_charge);
            CUDA_CHECK_ERROR("rls_weights");
        }
        hetbrian::rls_count<<<1, 1>>>({{device('n_updates')}});
        CUDA_CHECK_ERROR("rls_count");
    }
    {# as the guard: the host waits for the device for one integer a network, once every so many steps #}
    if ({{host('t_in_timesteps')}} % {{poll}} == 0)
    {
        int32_t* _found = &{{host('_trouble')}};
        CUDA_SAFE_CALL(
            cudaMemcpy(_found, {{device('_trouble')}}, {{networks}}*sizeof(int32_t), cudaMemcpyDeviceToHost)
        );
        for (int _network = 0; _network < {{networks}}; _network++)
            if (_found[_network]) Network::_globally_stopped = true;
        {% if filter %}
        std::vector<int32_t> _counted({{networks}}*hetbrian::COUNTS);
        CUDA_SAFE_CALL(
            cudaMemcpy(_counted.data(), {{device('_counts')}}, _counted.size()*sizeof(int32_t), cudaMemcpyDeviceToHost)
        );
        bool _takes_over = false, _has_changed = false;
        for (int _network = 0; _network < {{networks}}; _network++)
        {
            const int32_t _dense = _counted[_network*hetbrian::COUNTS + hetbrian::DENSE];
            _takes_over = _takes_over || _dense > _is_dense[_network];
            _has_changed = _has_changed || _dense != _is_dense[_network];
            _is_dense[_network] = _dense;
        }
        if (_takes_over) hetbrian::launch_flush(_state, {{networks}}, true);
        if (_has_changed)
            CUDA_SAFE_CALL(
                cudaMemcpy({{device('_is_dense')}}, _is_dense, {{networks}}*sizeof(int32_t), cudaMemcpyHostToDevice)
            );
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
