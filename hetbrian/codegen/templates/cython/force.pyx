{# ITERATE_ALL { _idx } #}
{# USES_VARIABLES { N, t, dt, t_in_timesteps, z, y, start, stop, _every, initial_P, forgetting, n_updates, _weights,
                    _activity, _P, _tiles, _c, _gain, _n_source, _n_weights, largest_output, _largest, _trouble,
                    _trouble_time } #}
{# WRITES_TO_READ_ONLY_VARIABLES { z, y, n_updates, _weights, _P, _tiles, _c, _gain, _largest, _trouble, _trouble_time } #}
{# ALLOWS_SCALAR_WRITE #}
{% extends 'common_group.pyx' %}
{% block template_support_code %}
cdef extern from *:
    """
{% include "limits.h" %}
{% include "rls.h" %}
{% if random %}
{% include "intervals.h" %}
{% endif %}
{% if filter %}
{% include "filter.h" %}
{% include "event_rls.h" %}
{% endif %}

    """
    int _trouble_of "hetbrian::trouble"[I](double*, double*, int, double, I, I, double*)
    double _squared_length "hetbrian::squared_length"[A](A*, int, bool)
    {% if random %}
    void _tick "hetbrian::tick"[I](int64_t, I*, I*, I*, I*, int64_t)
    {% endif %}
    void _readout "hetbrian::readout"[A](double*, A*, size_t, size_t, size_t, double*)
    void _feedback_currents "hetbrian::feedback"[A](double*, double*, size_t, size_t, A*)
    bool _rls_step "hetbrian::rls_step"[T, I, A](
        T*, T*, double*, I*, I*, A*, double*, double*, double*, size_t, size_t, size_t, double, double, bool, int)
    {% if filter %}
    bool _adaptive_step "hetbrian::adaptive_step"[T, I, A](
        T*, T*, T*, double*, double*, double*, I*, size_t, size_t, T*, double*, I*, I*, A*, A*, int, double*, int,
        double*, double*, double*, size_t, size_t, size_t, double, double, bool, int)
    {% endif %}
{% endblock %}
{% block maincode %}
    {% if filter %}
    cdef double[{{filter.step|length}}] _step = [{{filter.step|join(', ')}}]
    {% endif %}
    # whether it learns, and the target
    _vectorisation_idx = 1
    {{scalar_code|autoindent}}
    for _idx in range(N):
        _vectorisation_idx = _idx
        {{vector_code|autoindent}}
    _readout({{_weights}}, {{_activity}}, _n_source, _n_weights, N, {{z}})
    {% if feedback %}
    _feedback_currents({{_encoder}}, {{z}}, _n_source, N, {{_feedback}})
    {% endif %}
    if _is_due:
        {{_trouble}} = _trouble_of(
            {{z}}, {{y}}, N, {{largest_output}}, {{n_updates}}, <int32_t>{{limits.first}}, &{{_largest}})
        if {{n_updates}} == 0 and {{initial_P}} == 0:  # "auto"
            if _squared_length({{_activity}}, _n_source, _n_weights > _n_source) > 0:
                {{initial_P}} = {{limits.share}}/_squared_length({{_activity}}, _n_source, _n_weights > _n_source)
            else:
                {{_trouble}} = {{limits.silent}}
        if {{_trouble}}:
            {{_trouble_time}} = {{t}}
            _owner.check()
        {% if filter %}
        if not _adaptive_step(
                {{_P}}, {{_waiting}}, {{_products}}, {{_seen}}, {{_gains}}, &{{_scale}}, {{_counts}},
                {{filter.capacity}}, {{filter.length}}, {{_c}}, &{{_gain}}, &{{n_updates}}, &{{_tiles}},
                {{_activity}}, {{_second}}, {{filter.n_states}}, _step, {{_every}}, {{_weights}}, {{z}}, {{y}},
                _n_source, _n_weights, N, {{initial_P}}, {{forgetting}}, {{posterior}}, {{threads}}):
            _owner.stop_diverged()
        {% else %}
        if not _rls_step({{_P}}, {{_c}}, &{{_gain}}, &{{n_updates}}, &{{_tiles}}, {{_activity}}, {{_weights}},
                         {{z}}, {{y}}, _n_source, _n_weights, N, {{initial_P}}, {{forgetting}}, {{posterior}}, {{threads}}):
            _owner.stop_diverged()
        {% endif %}
    {% if random %}
    _tick({{t_in_timesteps}}, &{{_next}}, &{{_every}}, &{{_draw}}, {{_intervals}}, {{n_intervals}})
    {% endif %}
{% endblock %}
