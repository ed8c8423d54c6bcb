{# Brian2's template of this name, without a queue where no delay is as long as half a time step: there,
   synapses_from_spikes.cpp goes from the spikes to the synapses. It needs to know which follow each other, which is
   found here, if there are such runs: of synapses that were made neuron by neuron. Could take the place of Brian2's. #}
{# USES_VARIABLES { _n_sources, _n_targets, delay, _source_dt } #}
{% extends 'common_group.cpp' %}
{% block extra_headers %}
// the runs of all neurons as first synapse and number of synapses, and where those of each neuron begin
std::vector<std::pair<int, int>> _runs_{{owner.name}};
std::vector<int> _begin_{{owner.name}};
{% endblock %}
{% block before_code %}
    {% set scalar = c_data_type(variables['delay'].dtype) %}
    extern std::vector<std::pair<int, int>> _runs_{{owner.name}};
    extern std::vector<int> _begin_{{owner.name}};
    std::vector<{{scalar}}> &_delays = {{get_array_name(variables['delay'], access_data=False)}};
    std::vector<int32_t> &_sources = {{owner.name}}.sources;
    const CSpikeQueue &_queue = *{{owner.name}}.queue[0];
    const size_t _n_synapses = _sources.size(), _n_neurons = _queue.source_end - _queue.source_start;
    std::vector<int> _firsts;  // synapses with which runs begin
    for (size_t _k = 0; _k < _n_synapses; _k++)
        if (_k == 0 || _sources[_k] != _sources[_k - 1]) _firsts.push_back(_k);
    const size_t _n_runs = _firsts.size();
    bool _is_direct = _n_synapses > 0 && 8*_n_runs <= _n_synapses && _queue.queue.size() == 1;  // nothing waits in it
    for (const {{scalar}} _delay : _delays) _is_direct = _is_direct && int(_delay/{{_source_dt}} + 0.5) == 0;
    _begin_{{owner.name}}.assign(_is_direct ? _n_neurons + 1 : 0, 0);
    _runs_{{owner.name}}.resize(_is_direct ? _n_runs : 0);
    if (_is_direct)
    {
        const auto _neuron = [&](const size_t _run) { return _sources[_firsts[_run]] - _queue.source_start; };
        for (size_t _run = 0; _run < _n_runs; _run++) _begin_{{owner.name}}[_neuron(_run) + 1]++;
        for (size_t _k = 0; _k < _n_neurons; _k++) _begin_{{owner.name}}[_k + 1] += _begin_{{owner.name}}[_k];
        std::vector<int> _next = _begin_{{owner.name}};
        for (size_t _run = 0; _run < _n_runs; _run++)
        {
            const int _end = _run + 1 < _n_runs ? _firsts[_run + 1] : _n_synapses;
            _runs_{{owner.name}}[_next[_neuron(_run)]++] = std::make_pair(_firsts[_run], _end - _firsts[_run]);
        }
    }
    {{owner.name}}.prepare({{constant_or_scalar('_n_sources', variables['_n_sources'])}},
                           {{constant_or_scalar('_n_targets', variables['_n_targets'])}},
                           _delays.data(), _is_direct ? 1 : _delays.size(), _sources.data(),
                           _is_direct ? 0 : _n_synapses, {{_source_dt}});
{% endblock %}
{% block maincode %}
    if (_begin_{{owner.name}}.empty())
    {
        {% set _eventspace = get_array_name(eventspace_variable) %}
        {{owner.name}}.advance();
        {{owner.name}}.push({{_eventspace}}, {{_eventspace}}[_num{{eventspace_variable.name}} - 1]);
    }
{% endblock %}
