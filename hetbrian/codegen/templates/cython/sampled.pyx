{# USES_VARIABLES { t, N, _clock_t, _clock_t_in_timesteps, _indices, _every } #}
{% extends 'statemonitor.pyx' %}
{% block maincode %}
    if {{_clock_t_in_timesteps}} % {{_every}} != 0:
        return
{{ super() }}
{% endblock %}
