{# USES_VARIABLES { t, t_in_timesteps, _every, neuron, time, _watched, _n_source } #}
{# WRITES_TO_READ_ONLY_VARIABLES { neuron, time, rate, _n_spikes } #}
{# ALLOWS_SCALAR_WRITE #}
{% extends 'common_group.pyx' %}
{% block template_support_code %}
cdef extern from "<cmath>" namespace "std":
    bint _isfinite "std::isfinite"(double)
{% endblock %}
{% block maincode %}
    if {{t_in_timesteps}} % {{_every}} == 0:
        for _idx in range(_n_source):
            if not _isfinite({{_watched}}[_idx]):
                {{neuron}} = _idx
                {{time}} = {{t}}
                _owner.check()
    {% if counts %}
    {{_n_spikes}} += {{_spikespace}}[_num{{_spikespace}} - 1]
    if ({{t_in_timesteps}} + 1) % {{_window}} == 0:
        if {{_n_spikes}}/(<double>_n_source*{{_window}}*{{dt}}) > {{highest_rate}}:
            {{rate}} = {{_n_spikes}}/(<double>_n_source*{{_window}}*{{dt}})
            {{time}} = {{t}}
            _owner.check()
        {{_n_spikes}} = 0
    {% endif %}
{% endblock %}
