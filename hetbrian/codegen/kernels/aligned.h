// Arrays that begin with a cache line: a vector of 32 or 64 bytes at an address that is a multiple of 16, which is what
// memory has otherwise, lies across two lines every second time or always, and loops over the neurons do little else
// than load and store such vectors. Takes the place of operator new[] for the whole program, as C++ lets it; weak, as
// several sources may hold it. In Brian2 it could stand in objects.cpp, which makes the arrays.
#if (defined(__unix__) || defined(__APPLE__)) && defined(__GNUC__)
#include <cstdlib>
#include <new>
__attribute__((weak)) void* operator new[](std::size_t size)
{
    void* memory = nullptr;
    if (posix_memalign(&memory, 64, size ? size : 1)) throw std::bad_alloc();
    return memory;
}
__attribute__((weak)) void operator delete[](void* memory) noexcept { std::free(memory); }
__attribute__((weak)) void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
#endif
