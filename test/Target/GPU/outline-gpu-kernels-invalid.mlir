// RUN: weft-opt %s --weft-outline-gpu-kernels --verify-diagnostics

func.func private @strings(%x: memref<?xi64>) attributes {kernel.entry} {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?xi64>
  scf.forall (%i) in (%n) {
    %v = memref.load %x[%i] : memref<?xi64>
    // expected-error @+1 {{looks into strings, which only CPUs do: compile this model with --target cpu}}
    %y = kernel.string 0(%v, %v)
    memref.store %y, %x[%i] : memref<?xi64>
  }
  return
}
