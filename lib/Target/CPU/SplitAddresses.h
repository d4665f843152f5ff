// Constant parts of addresses. Private to lib/Target/CPU.
#ifndef WEFT_LIB_TARGET_CPU_SPLITADDRESSES_H
#define WEFT_LIB_TARGET_CPU_SPLITADDRESSES_H

namespace llvm {
class Function;
}

namespace weft::cpu {

/// Takes the constants out of the indices of `function`'s addresses, through
/// additions and multiplications: p[(x + 3) * 16 + c] becomes
/// (p + (x * 16 + c))[48]. Computes what is left anew where it is used first;
/// equal expressions are for a later pass to join.
void splitAddresses(llvm::Function &function);

/// Keeps a pointer that several addresses are a constant ahead of the one
/// pointer of all of them, whatever the loops around it. For the end: what
/// simplifies expressions does not look behind it.
void shareAddresses(llvm::Function &function);

} // namespace weft::cpu

#endif // WEFT_LIB_TARGET_CPU_SPLITADDRESSES_H
