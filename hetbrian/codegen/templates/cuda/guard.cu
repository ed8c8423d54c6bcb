{# USES_VARIABLES { t, t_in_timesteps, every, neuron, time, _watched, _n_source } #}
{# WRITES_TO_READ_ONLY_VARIABLES { neuron, time } #}
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
{% endblock %}
{% block define_N %}{% endblock %}
{% block prepare_kernel %}{% endblock %}
{% block kernel_call %}
    {# the host waits for the device here, and only here: once every so many steps, for one integer #}
    {% macro host(name) %}{{get_array_name(variables[name], prefix='')}}[0]{% endmacro %}
    {% macro device(name) %}{{get_array_name(variables[name], prefix='dev')}}{% endmacro %}
    if ({{host('t_in_timesteps')}} % {{host('every')}} == 0)
    {
        _kernel_{{codeobj_name}}<<<1, 1024>>>(
            {{device('_watched')}}, _n_source, {{host('t')}}, {{device('neuron')}}, {{device('time')}});
        CUDA_CHECK_ERROR("guard");
        CUDA_SAFE_CALL(
            cudaMemcpy(&{{host('neuron')}}, {{device('neuron')}}, sizeof(int32_t), cudaMemcpyDeviceToHost)
        );
        if ({{host('neuron')}} >= 0) Network::_globally_stopped = true;
    }
{% endblock %}
