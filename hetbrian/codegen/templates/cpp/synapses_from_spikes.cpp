{# Brian2's synapses.cpp, which takes the synapses of the spikes from a queue, or, where synapses_push_spikes.cpp beside
   it found that none is needed, from the spikes themselves: no list of synapses is written and read, and what the
   synapses of a spike need, 4 kB of each array, is on its way to the cache while the spike before is worked on (not in a
   function: GCC takes one that only fetches for one that does nothing). The same order, so the same sums, bit for bit:
   neurons as they stand in the list of spikes, and the synapses of each as they were made. Could take the place of
   synapses.cpp in Brian2: a pathway would give its event space to both templates, `arrays_of` of
   hetbrian/codegen/elementwise.py go into their globals, and the runs into the C++ class of the pathway. #}
{# USES_VARIABLES { _synaptic_pre } #}
{% extends 'synapses.cpp' %}
{% block extra_headers %}
{{ super() }}
extern std::vector<std::pair<int, int>> _runs_{{pathway.name}};
extern std::vector<int> _begin_{{pathway.name}};
{% endblock %}
{% block maincode %}
    {% macro fetch(neuron) %}
#if defined(__GNUC__)
for (int _run = _begin[{{neuron}}]; _run < _begin[{{neuron}} + 1]; _run++)
{
    const size_t _first = _runs[_run].first, _size = _runs[_run].second;
    {% for array in arrays_of(vector_code) %}
    for (size_t _k = 0; _k < _size && _k < 4096/sizeof({{array}}[0]); _k += 64/sizeof({{array}}[0]))
        __builtin_prefetch({{array}} + _first + _k);
    {% endfor %}
}
#endif
    {% endmacro %}
    if (!_begin_{{pathway.name}}.empty())
    {
        {% set _eventspace = get_array_name(eventspace_variable) %}
        // scalar code
        const size_t _vectorisation_idx = -1;
        {{scalar_code|autoindent}}

        const CSpikeQueue &_queue = *{{pathway.name}}.queue[0];
        const int *_begin = _begin_{{pathway.name}}.data() - _queue.source_start;
        const std::pair<int, int> *_runs = _runs_{{pathway.name}}.data();
        const int32_t *_event = {{_eventspace}}, *_last = _event + {{_eventspace}}[_num{{eventspace_variable.name}} - 1];
        _event = std::lower_bound(_event, _last, _queue.source_start);
        _last = std::lower_bound(_event, _last, _queue.source_end);
        if (_event < _last)
        {
            {{fetch('*_event')|autoindent}}
        }
        for (; _event < _last; _event++)
        {
            if (_event + 1 < _last)
            {
                {{fetch('_event[1]')|autoindent}}
            }
            for (int _run = _begin[*_event]; _run < _begin[*_event + 1]; _run++)
            {
                const size_t _end = _runs[_run].first + _runs[_run].second;
                for (size_t _idx = _runs[_run].first; _idx < _end; _idx++)
                {
                    const size_t _vectorisation_idx = _idx;
                    {{vector_code|autoindent}}
                }
            }
        }
    }
    else
    {
{{ super() }}
    }
{% endblock %}
