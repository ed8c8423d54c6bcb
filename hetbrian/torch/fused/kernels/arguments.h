// What a kernel takes, and the sizes of its arrays
struct Arguments {
{% for name, kind, size in step.arguments.fields %}
    {{ kind }} {{ name }}{% if size is not none %}[{{ [1, size]|max }}]{% endif %};
{% endfor %}
};
#define PLANES {{ layout.planes|length }}
#define STATES {{ layout.state|length }}
#define FIXED {{ [1, layout.rows|length]|max }}
#define TARGETS {{ [1, layout.targets|length]|max }}
#define PATHWAYS {{ [1, layout.pathways|length]|max }}
#define SLOTS {{ step.n_slots }}
enum { {% for name in step.kept %}KEPT_{{ name }}, {% endfor %}KEPT };
