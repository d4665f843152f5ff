// RUN: weft compile %s --target cpu:x86-64-v3 --emit asm -o - | FileCheck %s --check-prefixes=ASM,V3
// RUN: weft compile %s --target cpu:x86-64-v4 --emit asm -o - | FileCheck %s --check-prefixes=ASM,V4
// RUN: weft compile %s --target cpu:sapphirerapids --emit asm -o - | FileCheck %s --check-prefixes=ASM,V4
// RUN: weft compile %s --target cpu:znver5 --emit asm -o - | FileCheck %s --check-prefixes=ASM,V4
// RUN: weft compile %s --target cpu:x86-64-v3 --emit object -o %t.o
// RUN: weft compile %s --target cpu:x86-64-v3 --emit object -o %t2.o
// RUN: cmp %t.o %t2.o
// RUN: llvm-nm -u %t.o | FileCheck %s --check-prefix=NM --allow-empty
// RUN: not weft compile %s --target cpu:x86-64-v2 -o %t.weft 2>&1 | FileCheck %s --check-prefix=OLD
// REQUIRES: x86_64

// Registers are as wide as the level's, nothing is called, and the same program
// gives the same bytes.
// ASM: weft_entry_{{x86_64_v|sapphirerapids|znver5}}
// V3: %ymm
// V3-NOT: %zmm
// V4: %zmm
// NM-NOT: U
// OLD: error: CPU 'x86-64-v2' has no AVX2
func.func @main(%x: tensor<?x64xf32> {graph.name = "x"}) -> (tensor<?x64xf32> {graph.name = "y"}) {
  %y = graph.sigmoid %x : tensor<?x64xf32> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
