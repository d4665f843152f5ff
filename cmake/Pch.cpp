// Exists so that the precompiled header of the compiler has a home.
