// The op of fast Fourier transforms. Few files know it, so that it has a header
// of its own (Fourier.h).
#ifndef WEFT_GRAPH_FOURIER
#define WEFT_GRAPH_FOURIER

include "weft/Dialect/Graph/IR/GraphBase.td"

def Graph_Real : TensorOf<[F32, F64]>;

def Graph_ButterflyOp : Graph_TypedOp<"butterfly", [AttrSizedOperandSegments]> {
  let summary = "Fourier transforms of r numbers each, a step of a fast one of more";
  let description = [{
    `re` and `im` are the parts of x_0 … x_(r-1), tensors of one shape; without
    `im` they are real. y_p = sum of x_q * exp(-2 * pi * i * p * q / r), with
    `inverse` of exp(+…), and then times w_p: `twiddles` are the real parts of w_1
    … w_(r-1), then the imaginary ones, and broadcast. Results are the real parts
    of y_0 … y_(r-1), then the imaginary ones. The radix r is 2, 4 or odd.

    Each product and sum is rounded by itself, in the order of pocketfft's passes.
    ```mlir
    %y:4 = graph.butterfly(%a, %b) im(%c, %d) : (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>)
        -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>)
    ```
  }];
  let arguments = (ins Variadic<Graph_Real>:$re, Variadic<Graph_Real>:$im, Variadic<Graph_Real>:$twiddles,
                       UnitAttr:$inverse);
  let results = (outs Variadic<Graph_Real>:$parts);
  let assemblyFormat = [{
    `(` $re `)` (`im` `(` $im^ `)`)? (`twiddles` `(` $twiddles^ `)`)? (`inverse` $inverse^)? attr-dict
    `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = [{
    int64_t getRadix() { return getRe().size(); }
  }];
}

#endif // WEFT_GRAPH_FOURIER
