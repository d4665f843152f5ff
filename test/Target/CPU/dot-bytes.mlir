// RUN: weft compile %s --target cpu:x86-64-v4-vnni --emit asm -o - | FileCheck %s --check-prefix=VNNI
// RUN: weft compile %s --target cpu:x86-64-v4 --emit asm -o - | FileCheck %s --check-prefixes=WIDE
// RUN: weft compile %s --target cpu:x86-64-v3 --emit asm -o - | FileCheck %s --check-prefixes=HALF
// RUN: weft compile %s --target cpu -o %t.weft && weft inspect %t.weft | FileCheck %s --check-prefix=LEVELS
// REQUIRES: x86_64

// VNNI:     vpdpbusd {{.*}}%zmm
// VNNI-NOT: vpmaddubsw
// WIDE-NOT: vpdpbusd
// WIDE:     vpmaddwd {{.*}}%zmm
// HALF-NOT: %zmm
// HALF:     vpmaddwd {{.*}}%ymm

// LEVELS-DAG: x86-64-v3
// LEVELS-DAG: x86-64-v4-vnni
func.func @main(%x: tensor<?x64xui8> {graph.name = "x"}) -> (tensor<?x32xi32> {graph.name = "y"}) {
  %w = graph.constant dense<3> : tensor<64x32xi32>
  %0 = graph.cast %x to i32 : tensor<?x64xui8> -> tensor<?x64xi32>
  %y = graph.matmul %0, %w : tensor<?x64xi32>, tensor<64x32xi32> -> tensor<?x32xi32>
  return %y : tensor<?x32xi32>
}
