{# USES_VARIABLES { t, t_in_timesteps, every, neuron, time, _watched, _n_source } #}
{# WRITES_TO_READ_ONLY_VARIABLES { neuron, time } #}
{# ALLOWS_SCALAR_WRITE #}
{% extends 'common_group.pyx' %}
{% block template_support_code %}
cdef extern from "<cmath>" namespace "std":
    bint _isfinite "std::isfinite"(double)
{% endblock %}
{% block maincode %}
    if {{t_in_timesteps}} % {{every}} == 0:
        for _idx in range(_n_source):
            if not _isfinite({{_watched}}[_idx]):
                {{neuron}} = _idx
                {{time}} = {{t}}
                _owner.check()
{% endblock %}
