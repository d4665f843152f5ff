// The ops of GraphFourier.td.
#ifndef WEFT_DIALECT_GRAPH_IR_FOURIER_H
#define WEFT_DIALECT_GRAPH_IR_FOURIER_H

#include "weft/Dialect/Graph/IR/Graph.h"

#define GET_OP_CLASSES
#include "weft/Dialect/Graph/IR/GraphFourier.h.inc"

#endif // WEFT_DIALECT_GRAPH_IR_FOURIER_H
