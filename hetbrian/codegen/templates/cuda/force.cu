{# USES_VARIABLES { N, t, dt, t_in_timesteps, z, y, start, stop, _every, initial_P, forgetting, n_updates, _weights,
                    _activity, _P, _c, _product, _gain, _n_source, _n_weights } #}
{# WRITES_TO_READ_ONLY_VARIABLES { z, y, n_updates, _weights, _P, _c, _product, _gain } #}
{# ALLOWS_SCALAR_WRITE #}
{% extends 'common_group.cu' %}
{% block extra_headers %}
{% include "rls.cuh" %}

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
        {% for name in ['t', 'dt', 't_in_timesteps', '_every', 'start', 'stop'] %}
        const auto {{name}} = {{host(name)}};
        {% endfor %}
        _is_due = {{is_due}};
    }
    if (_is_due)
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
{% endblock %}
