{# USES_VARIABLES { t, t_in_timesteps, _every, neuron, time, _watched, _n_source } #}
{# WRITES_TO_READ_ONLY_VARIABLES { neuron, time, rate, _n_spikes } #}
{# ALLOWS_SCALAR_WRITE #}
{% extends 'common_group.cu' %}
{% block extra_headers %}
#include "network.h"
{% endblock %}
{% block kernel %}
// the first neuron whose value is not finite, if there is one; one block
template<class A>
__global__ void __launch_bounds__(1024)
_kernel_{{codeobj_name}}(const A* values, const int n, const double t, int32_t* neuron, double* time)
{
    __shared__ int first;
    if (threadIdx.x == 0) first = n;
    __syncthreads();
    for (int i = threadIdx.x; i < n; i += blockDim.x)
    {
        if (!isfinite(values[i]))
        {
            atomicMin(&first, i);
            break;
        }
    }
    __syncthreads();
    if (threadIdx.x == 0 && first < n)
    {
        neuron[0] = first;
        time[0] = t;
    }
}

{% if counts %}
// the spikes of this step, added to those of the window; one thread
__global__ void _kernel_count_{{codeobj_name}}(const int32_t* n_spikes, double* sum)
{
    sum[0] += n_spikes[0];
}
{% endif %}
{% endblock %}
{% block define_N %}{% endblock %}
{% block prepare_kernel %}{% endblock %}
{% block kernel_call %}
    {# the host waits for the device here, and only here: once every so many steps, for one integer #}
    {% macro host(name) %}{{get_array_name(variables[name], prefix='')}}[0]{% endmacro %}
    {% macro device(name) %}{{get_array_name(variables[name], prefix='dev')}}{% endmacro %}
    if ({{host('t_in_timesteps')}} % {{host('_every')}} == 0)
    {
        _kernel_{{codeobj_name}}<<<1, 1024>>>(
            {{device('_watched')}}, _n_source, {{host('t')}}, {{device('neuron')}}, {{device('time')}});
        CUDA_CHECK_ERROR("guard");
        CUDA_SAFE_CALL(
            cudaMemcpy(&{{host('neuron')}}, {{device('neuron')}}, sizeof(int32_t), cudaMemcpyDeviceToHost)
        );
        if ({{host('neuron')}} >= 0) Network::_globally_stopped = true;
    }
    {% if counts %}
    {% set space = get_array_name(variables['_spikespace'], prefix='') %}
    _kernel_count_{{codeobj_name}}<<<1, 1>>>(
        {{device('_spikespace')}}[current_idx{{space}}] + _n_source, {{device('_n_spikes')}});
    CUDA_CHECK_ERROR("guard counts");
    if (({{host('t_in_timesteps')}} + 1) % {{host('_window')}} == 0)
    {
        double& _count = {{host('_n_spikes')}};
        CUDA_SAFE_CALL(cudaMemcpy(&_count, {{device('_n_spikes')}}, sizeof(double), cudaMemcpyDeviceToHost));
        const double _rate = _count/(double(_n_source)*{{host('_window')}}*{{host('dt')}});
        _count = 0;
        CUDA_SAFE_CALL(cudaMemcpy({{device('_n_spikes')}}, &_count, sizeof(double), cudaMemcpyHostToDevice));
        if (_rate > {{host('highest_rate')}})
        {
            {{host('rate')}} = _rate;
            {{host('time')}} = {{host('t')}};
            CUDA_SAFE_CALL(
                cudaMemcpy({{device('rate')}}, &{{host('rate')}}, sizeof(double), cudaMemcpyHostToDevice)
            );
            CUDA_SAFE_CALL(
                cudaMemcpy({{device('time')}}, &{{host('time')}}, sizeof(double), cudaMemcpyHostToDevice)
            );
            Network::_globally_stopped = true;
        }
    }
    {% endif %}
{% endblock %}
