{# USES_VARIABLES { t, N, _clock_t, _clock_t_in_timesteps, _indices, _every } #}
{# WRITES_TO_READ_ONLY_VARIABLES { t, N } #}
{% extends 'statemonitor.cpp' %}
{% block maincode %}
    if ({{_clock_t_in_timesteps}} % {{_every}} == 0)
    {
{{ super() }}
    }
{% endblock %}
