// What a C++ standalone program reads beside Brian2's own arrays, and writes instead of all of them.
#ifndef HETBRIAN_EXTERNALS_H
#define HETBRIAN_EXTERNALS_H
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>
#ifdef __linux__
#include <csignal>
#include <sys/prctl.h>
#include <unistd.h>
#endif
#include "brianlib/dynamic_array.h"

namespace hetbrian {

// Where the ends of the synapses of an object are, and whether they come with the values of this run: then the folder
// that HETBRIAN_WIRING names has them, and the arguments the numbers of each.
inline std::string folder_of(const std::string &synapses, bool &is_given)
{
    const char *given = std::getenv("HETBRIAN_WIRING");
    is_given = given && *given && std::ifstream(given + synapses + ".i").good();
    return is_given ? given : "static_arrays/";
}

// Read all numbers of a file.
template <class T> void read_all(std::vector<T> &values, const std::string &path)
{
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    values.resize(file ? static_cast<size_t>(file.tellg())/sizeof(T) : 0);
    file.seekg(0);
    if (!file.read(reinterpret_cast<char *>(values.data()), values.size()*sizeof(T)))
    {
        std::cerr << "Error reading " << path << std::endl;
        std::exit(1);
    }
}

inline void check_size(const std::string &path, size_t found, size_t n_synapses)
{
    if (found == n_synapses) return;
    std::cerr << path << " holds " << found << " numbers for " << n_synapses << " synapses\n";
    std::exit(1);
}

// Read one number for each synapse of an object.
template <class T> void read(std::vector<T> &values, const std::string &synapses, const std::string &name)
{
    bool is_given;
    const std::string path = folder_of(synapses, is_given) + name;
    if (is_given) return;
    const size_t n_synapses = values.size();
    read_all(values, path);
    check_size(path, values.size(), n_synapses);
}

// Make the synapses of an object, and count them.
inline void connect(const std::string &synapses, std::vector<int32_t> &pre, std::vector<int32_t> &post,
                    std::vector<int32_t> &outgoing, size_t n_pre, std::vector<int32_t> &incoming, size_t n_post,
                    int32_t *count)
{
    bool is_given;
    const std::string path = folder_of(synapses, is_given) + synapses;
    read_all(pre, path + ".i");
    read_all(post, path + ".j");
    check_size(path + ".j", post.size(), pre.size());
    outgoing.assign(n_pre, 0);
    incoming.assign(n_post, 0);
    for (size_t index = 0; index < pre.size(); index++)
    {
        outgoing[pre[index]]++;
        incoming[post[index]]++;
    }
    *count = static_cast<int32_t>(pre.size());
}

// End with the process that HETBRIAN_PARENT names, if that is our parent: nobody would read what comes of us.
inline void end_with_parent()
{
#ifdef __linux__
    const char *parent = std::getenv("HETBRIAN_PARENT");
    if (!parent || std::to_string(getppid()) != parent) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (std::to_string(getppid()) != parent) std::_Exit(1);  // it was quicker
#endif
}

// Writes the arrays whose names stand in an environment variable, with a comma behind each.
class Results
{
    const std::string folder, names;

public:
    Results(const std::string &folder_, const char *names_) : folder(folder_), names(std::string(",") + names_) {}

    template <class T> void write(const std::string &name, const T *values, size_t size) const
    {
        if (names.find("," + name + ",") != std::string::npos)
            std::ofstream(folder + name, std::ios::binary).write(
                reinterpret_cast<const char *>(values), size*sizeof(T));
    }

    // row by row
    template <class T> void write(const std::string &name, DynamicArray2D<T> &values) const
    {
        if (names.find("," + name + ",") == std::string::npos) return;
        std::ofstream file(folder + name, std::ios::binary);
        for (size_t row = 0; row < static_cast<size_t>(values.n); row++)
            if (values.m > 0) file.write(reinterpret_cast<const char *>(&values(row, 0)), values.m*sizeof(T));
    }
};

}
#endif
