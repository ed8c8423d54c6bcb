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

// Read all numbers of a file.
template <class T> void read(std::vector<T> &values, const std::string &name)
{
    std::ifstream file("static_arrays/" + name, std::ios::binary | std::ios::ate);
    values.resize(file ? static_cast<size_t>(file.tellg())/sizeof(T) : 0);
    file.seekg(0);
    if (!file.read(reinterpret_cast<char *>(values.data()), values.size()*sizeof(T)))
    {
        std::cerr << "Error reading static_arrays/" << name << std::endl;
        std::exit(1);
    }
}

// Read one number for each synapse.
template <class T> void read(std::vector<T> &values, const std::string &name, size_t size)
{
    read(values, name);
    if (values.size() == size) return;
    std::cerr << "static_arrays/" << name << " holds " << values.size() << " numbers for " << size << " synapses\n";
    std::exit(1);
}

// Make the synapses of two files, and count them.
inline void connect(std::vector<int32_t> &pre, std::vector<int32_t> &post, const std::string &sources,
                    const std::string &targets, std::vector<int32_t> &outgoing, size_t n_pre,
                    std::vector<int32_t> &incoming, size_t n_post, int32_t *count)
{
    read(pre, sources);
    read(post, targets, pre.size());
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
