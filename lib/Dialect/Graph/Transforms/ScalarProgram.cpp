// Compiles the arith and math ops of a scalar body to loops over blocks. Each
// operation becomes one closure around one loop, which the host compiler
// vectorises; a body that has an unknown operation is not evaluated at all.
// f16 and bf16 are computed in f32 and rounded after every step, which is exact
// for single operations.

#include "ScalarProgram.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <cmath>

using namespace mlir;

namespace weft::graph {

std::optional<Lane> laneOf(Type type) {
  if (type.isF32() || type.isF16() || type.isBF16())
    return Lane::F32;
  if (type.isF64())
    return Lane::F64;
  if (auto integer = dyn_cast<IntegerType>(type);
      integer && integer.getWidth() <= 64)
    return Lane::Int;
  if (isa<IndexType>(type))
    return Lane::Int;
  return std::nullopt;
}

//===-- Memory and lanes
//-----------------------------------------------------===//

static float bf16ToFloat(uint16_t bits) {
  return llvm::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

static uint16_t floatToBf16(float value) {
  uint32_t bits = llvm::bit_cast<uint32_t>(value);
  if (std::isnan(value))
    return (bits >> 16) | 0x40;
  return (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
}

template <typename Stored, typename T, typename F>
static void loadAs(const char *from, int64_t stride, int64_t count, void *to,
                   F convert) {
  T *out = static_cast<T *>(to);
  auto element = [&](int64_t i) {
    Stored stored;
    std::memcpy(&stored, from + i * static_cast<int64_t>(sizeof(Stored)),
                sizeof(Stored));
    return static_cast<T>(convert(stored));
  };
  if (stride == 0)
    std::fill_n(out, count, element(0));
  else if (stride == 1)
    for (int64_t i = 0; i < count; ++i)
      out[i] = element(i);
  else
    for (int64_t i = 0; i < count; ++i)
      out[i] = element(i * stride);
}

static unsigned widthOf(Type type) {
  return isa<IndexType>(type) ? 64 : type.getIntOrFloatBitWidth();
}

static uint64_t maskOf(unsigned width) {
  return width == 64 ? ~uint64_t(0) : (uint64_t(1) << width) - 1;
}

void loadLanes(Type type, const char *from, int64_t stride, int64_t count,
               void *to) {
  auto same = [](auto x) { return x; };
  if (type.isF32())
    return loadAs<float, float>(from, stride, count, to, same);
  if (type.isF64())
    return loadAs<double, double>(from, stride, count, to, same);
  if (type.isF16())
    return loadAs<_Float16, float>(from, stride, count, to, same);
  if (type.isBF16())
    return loadAs<uint16_t, float>(from, stride, count, to, bf16ToFloat);
  unsigned width = widthOf(type);
  auto masked = [mask = maskOf(width)](uint64_t x) { return x & mask; };
  if (width <= 8)
    return loadAs<uint8_t, uint64_t>(from, stride, count, to, masked);
  if (width <= 16)
    return loadAs<uint16_t, uint64_t>(from, stride, count, to, masked);
  if (width <= 32)
    return loadAs<uint32_t, uint64_t>(from, stride, count, to, masked);
  return loadAs<uint64_t, uint64_t>(from, stride, count, to, masked);
}

template <typename Stored, typename T, typename F>
static void storeAs(const void *from, int64_t count, char *to, F convert) {
  const T *in = static_cast<const T *>(from);
  for (int64_t i = 0; i < count; ++i) {
    Stored stored = static_cast<Stored>(convert(in[i]));
    std::memcpy(to + i * sizeof(Stored), &stored, sizeof(Stored));
  }
}

void storeLanes(Type type, const void *from, int64_t count, char *to) {
  auto same = [](auto x) { return x; };
  if (type.isF32())
    return storeAs<float, float>(from, count, to, same);
  if (type.isF64())
    return storeAs<double, double>(from, count, to, same);
  if (type.isF16())
    return storeAs<_Float16, float>(from, count, to, same);
  if (type.isBF16())
    return storeAs<uint16_t, float>(from, count, to, floatToBf16);
  unsigned width = widthOf(type);
  if (width <= 8)
    return storeAs<uint8_t, uint64_t>(from, count, to, same);
  if (width <= 16)
    return storeAs<uint16_t, uint64_t>(from, count, to, same);
  if (width <= 32)
    return storeAs<uint32_t, uint64_t>(from, count, to, same);
  return storeAs<uint64_t, uint64_t>(from, count, to, same);
}

//===-- Compilation
//----------------------------------------------------------===//

class Compiler {
public:
  explicit Compiler(ScalarProgram &program) : program(program) {}

  bool compile(ScalarBody op);

private:
  using Frame = ScalarProgram::Frame;

  unsigned define(Value value) {
    std::optional<Lane> lane = laneOf(value.getType());
    known &= lane.has_value();
    program.lanes.push_back(lane.value_or(Lane::Int));
    return registers[value] = program.registers++;
  }

  /// r[i] = f(operands[i]…), lanes of the operands T, of the result R.
  template <typename R, typename T, typename F, size_t... I>
  void loop(Operation &op, F f, std::index_sequence<I...>) {
    std::array<unsigned, sizeof...(I)> in = {registers[op.getOperand(I)]...};
    unsigned out = define(op.getResult(0));
    program.steps.push_back([=](Frame &frame, int64_t count) {
      R *result = frame.as<R>(out);
      std::array<const T *, sizeof...(I)> operands = {frame.as<T>(in[I])...};
      for (int64_t i = 0; i < count; ++i)
        result[i] = static_cast<R>(f(operands[I][i]...));
    });
  }
  template <typename R, typename T, size_t N, typename F>
  void loop(Operation &op, F f) {
    loop<R, T>(op, f, std::make_index_sequence<N>());
  }

  /// A function of floats, in the precision of the result.
  template <size_t N, typename F>
  void floats(Operation &op, F f) {
    if (op.getResult(0).getType().isF64())
      return loop<double, double, N>(op, f);
    loop<float, float, N>(op, f);
    roundHalves(op.getResult(0));
  }

  /// A function of integers; its result is cut to the width.
  template <size_t N, typename F>
  void ints(Operation &op, F f) {
    uint64_t mask = maskOf(widthOf(op.getResult(0).getType()));
    loop<uint64_t, uint64_t, N>(op, [=](auto... x) { return f(x...) & mask; });
  }
  /// The same on sign-extended operands.
  template <size_t N, typename F>
  void signedInts(Operation &op, F f) {
    unsigned width = widthOf(op.getOperand(0).getType());
    ints<N>(op, [=](auto... x) {
      return static_cast<uint64_t>(f(llvm::SignExtend64(x, width)...));
    });
  }

  void roundHalves(Value value);
  void compare(arith::CmpFOp op);
  void compare(arith::CmpIOp op);
  void select(arith::SelectOp op);
  void fromFloat(Operation &op, bool isSigned);
  void toFloat(Operation &op, bool isSigned);
  void changeFloat(Operation &op);
  bool constant(arith::ConstantOp op);
  bool arithmetic(Operation &op);
  bool conversion(Operation &op);
  bool function(Operation &op);

  ScalarProgram &program;
  DenseMap<Value, unsigned> registers;
  bool known = true;
};

/// Values of 16-bit types are kept rounded.
void Compiler::roundHalves(Value value) {
  unsigned r = registers[value];
  if (value.getType().isF16())
    program.steps.push_back([=](Frame &frame, int64_t count) {
      float *x = frame.as<float>(r);
      for (int64_t i = 0; i < count; ++i)
        x[i] = static_cast<float>(static_cast<_Float16>(x[i]));
    });
  if (value.getType().isBF16())
    program.steps.push_back([=](Frame &frame, int64_t count) {
      float *x = frame.as<float>(r);
      for (int64_t i = 0; i < count; ++i)
        x[i] = bf16ToFloat(floatToBf16(x[i]));
    });
}

template <typename T>
static bool holds(arith::CmpFPredicate predicate, T x, T y) {
  using P = arith::CmpFPredicate;
  bool unordered = std::isnan(x) || std::isnan(y);
  switch (predicate) {
  case P::AlwaysFalse:
    return false;
  case P::OEQ:
    return x == y;
  case P::OGT:
    return x > y;
  case P::OGE:
    return x >= y;
  case P::OLT:
    return x < y;
  case P::OLE:
    return x <= y;
  case P::ONE:
    return !unordered && x != y;
  case P::ORD:
    return !unordered;
  case P::UEQ:
    return unordered || x == y;
  case P::UGT:
    return unordered || x > y;
  case P::UGE:
    return unordered || x >= y;
  case P::ULT:
    return unordered || x < y;
  case P::ULE:
    return unordered || x <= y;
  case P::UNE:
    return x != y;
  case P::UNO:
    return unordered;
  case P::AlwaysTrue:
    return true;
  }
  return false;
}

void Compiler::compare(arith::CmpFOp op) {
  arith::CmpFPredicate p = op.getPredicate();
  auto test = [p](auto x, auto y) { return holds(p, x, y); };
  if (op.getLhs().getType().isF64())
    loop<uint64_t, double, 2>(*op, test);
  else
    loop<uint64_t, float, 2>(*op, test);
}

void Compiler::compare(arith::CmpIOp op) {
  arith::CmpIPredicate p = op.getPredicate();
  unsigned width = widthOf(op.getLhs().getType());
  loop<uint64_t, uint64_t, 2>(*op, [=](uint64_t x, uint64_t y) {
    return arith::applyCmpPredicate(p, APInt(width, x), APInt(width, y));
  });
}

void Compiler::select(arith::SelectOp op) {
  unsigned condition = registers[op.getCondition()];
  unsigned x = registers[op.getTrueValue()], y = registers[op.getFalseValue()];
  unsigned out = define(op.getResult());
  auto choose = [=](auto lane) {
    using T = decltype(lane);
    program.steps.push_back([=](Frame &frame, int64_t count) {
      const uint64_t *c = frame.as<uint64_t>(condition);
      const T *a = frame.as<T>(x), *b = frame.as<T>(y);
      T *r = frame.as<T>(out);
      for (int64_t i = 0; i < count; ++i)
        r[i] = c[i] ? a[i] : b[i];
    });
  };
  switch (program.lanes[out]) {
  case Lane::F32:
    return choose(float());
  case Lane::F64:
    return choose(double());
  case Lane::Int:
    return choose(uint64_t());
  }
}

/// Bodies clamp before they convert; what is still out of range has no defined
/// value and must merely not be undefined behaviour here.
template <typename T>
static uint64_t truncate(T x, bool isSigned) {
  constexpr T kTwo63 = T(9223372036854775808.0);
  if (isSigned)
    return x >= -kTwo63 && x < kTwo63
               ? static_cast<uint64_t>(static_cast<int64_t>(x))
               : uint64_t(1) << 63;
  return x > T(-1) && x < 2 * kTwo63 ? static_cast<uint64_t>(x) : 0;
}

void Compiler::fromFloat(Operation &op, bool isSigned) {
  uint64_t mask = maskOf(widthOf(op.getResult(0).getType()));
  auto convert = [=](auto x) { return truncate(x, isSigned) & mask; };
  if (op.getOperand(0).getType().isF64())
    loop<uint64_t, double, 1>(op, convert);
  else
    loop<uint64_t, float, 1>(op, convert);
}

void Compiler::toFloat(Operation &op, bool isSigned) {
  unsigned width = widthOf(op.getOperand(0).getType());
  auto convert = [=](auto type, uint64_t x) -> decltype(type) {
    using T = decltype(type);
    return isSigned ? static_cast<T>(llvm::SignExtend64(x, width))
                    : static_cast<T>(x);
  };
  if (op.getResult(0).getType().isF64())
    return loop<double, uint64_t, 1>(
        op, [=](uint64_t x) { return convert(double(), x); });
  loop<float, uint64_t, 1>(op, [=](uint64_t x) { return convert(float(), x); });
  roundHalves(op.getResult(0));
}

void Compiler::changeFloat(Operation &op) {
  bool from64 = op.getOperand(0).getType().isF64();
  bool to64 = op.getResult(0).getType().isF64();
  auto same = [](auto x) { return x; };
  if (from64 && to64)
    loop<double, double, 1>(op, same);
  else if (from64)
    loop<float, double, 1>(op, same);
  else if (to64)
    loop<double, float, 1>(op, same);
  else
    loop<float, float, 1>(op, same);
  roundHalves(op.getResult(0));
}

bool Compiler::constant(arith::ConstantOp op) {
  uint64_t lane = 0;
  if (auto attr = dyn_cast<FloatAttr>(op.getValue())) {
    if (attr.getType().isF64())
      lane = llvm::bit_cast<uint64_t>(attr.getValueAsDouble());
    else
      lane =
          llvm::bit_cast<uint32_t>(static_cast<float>(attr.getValueAsDouble()));
  } else if (auto attr = dyn_cast<IntegerAttr>(op.getValue())) {
    if (attr.getValue().getBitWidth() > 64)
      return false;
    lane = attr.getValue().getZExtValue();
  } else {
    return false;
  }
  program.constants.emplace_back(define(op.getResult()), lane);
  return true;
}

/// NaN if either is; -0 below +0.
template <typename T>
static T maximum(T x, T y) {
  if (std::isnan(x) || std::isnan(y))
    return x + y;
  if (x == y)
    return std::signbit(x) ? y : x;
  return x > y ? x : y;
}
template <typename T>
static T minimum(T x, T y) {
  if (std::isnan(x) || std::isnan(y))
    return x + y;
  if (x == y)
    return std::signbit(x) ? x : y;
  return x < y ? x : y;
}

bool Compiler::arithmetic(Operation &op) {
  unsigned width =
      op.getNumOperands() ? widthOf(op.getOperand(0).getType()) : 0;
  // Bodies never divide by zero or overflow; the checks keep this process
  // alive should one do.
  auto quotient = [](int64_t x, int64_t y) {
    return y == 0 ? 0 : y == -1 ? int64_t(0 - uint64_t(x)) : x / y;
  };
  auto remainder = [](int64_t x, int64_t y) {
    return y == 0 || y == -1 ? 0 : x % y;
  };
  return TypeSwitch<Operation *, bool>(&op)
      .Case([&](arith::ConstantOp c) { return constant(c); })
      .Case([&](arith::CmpFOp c) { return compare(c), true; })
      .Case([&](arith::CmpIOp c) { return compare(c), true; })
      .Case([&](arith::SelectOp c) { return select(c), true; })
#define FLOATS(OP, N, ...)                                                     \
  .Case([&](OP) { return floats<N>(op, __VA_ARGS__), true; })
#define INTS(OP, N, ...)                                                       \
  .Case([&](OP) { return ints<N>(op, __VA_ARGS__), true; })
#define SIGNED(OP, N, ...)                                                     \
  .Case([&](OP) { return signedInts<N>(op, __VA_ARGS__), true; })
          FLOATS(arith::AddFOp, 2, [](auto x, auto y) { return x + y; }) FLOATS(
              arith::SubFOp, 2,
              [](auto x, auto y) {
                return x - y;
              }) FLOATS(arith::MulFOp, 2,
                        [](auto x, auto y) {
                          return x * y;
                        }) FLOATS(arith::DivFOp, 2,
                                  [](auto x, auto y) {
                                    return x / y;
                                  }) FLOATS(arith::RemFOp, 2,
                                            [](auto x, auto y) {
                                              return std::fmod(x, y);
                                            }) FLOATS(arith::NegFOp, 1,
                                                      [](auto x) { return -x; })
              FLOATS(arith::MaximumFOp, 2,
                     [](auto x, auto y) {
                       return maximum(x, y);
                     }) FLOATS(arith::MinimumFOp, 2,
                               [](auto x, auto y) {
                                 return minimum(x, y);
                               }) FLOATS(arith::MaxNumFOp, 2,
                                         [](auto x, auto y) {
                                           return std::fmax(x, y);
                                         }) FLOATS(arith::MinNumFOp, 2,
                                                   [](auto x, auto y) {
                                                     return std::fmin(x, y);
                                                   })
                  INTS(arith::AddIOp, 2, [](auto x, auto y) { return x + y; }) INTS(
                      arith::SubIOp, 2, [](auto x, auto y) { return x - y; })
                      INTS(
                          arith::MulIOp, 2,
                          [](auto x,
                             auto
                                 y) { return x * y; }) INTS(arith::DivUIOp, 2,
                                                            [](auto x, auto y) {
                                                              return y ? x / y
                                                                       : 0;
                                                            })
                          INTS(arith::RemUIOp, 2,
                               [](auto x, auto y) { return y ? x % y : 0; })
                              INTS(arith::AndIOp, 2,
                                   [](auto x, auto y) { return x & y; })
                                  INTS(arith::OrIOp, 2,
                                       [](auto x, auto y) { return x | y; })
                                      INTS(
                                          arith::XOrIOp, 2,
                                          [](auto x,
                                             auto
                                                 y) { return x ^ y; }) INTS(arith::
                                                                                MaxUIOp,
                                                                            2,
                                                                            [](
                                                                                auto
                                                                                    x,
                                                                                auto y) {
                                                                              return std::max(
                                                                                  x,
                                                                                  y);
                                                                            })
                                          INTS(arith::MinUIOp, 2,
                                               [](auto x, auto y) {
                                                 return std::min(x, y);
                                               })
                                              INTS(arith::ShLIOp, 2,
                                                   [=](auto x, auto y) {
                                                     return y < width ? x << y
                                                                      : 0;
                                                   })
                                                  INTS(arith::ShRUIOp, 2,
                                                       [=](auto x, auto y) {
                                                         return y < width
                                                                    ? x >> y
                                                                    : 0;
                                                       })
                                                      SIGNED(
                                                          arith::ShRSIOp, 2,
                                                          [](auto x, auto y) {
                                                            return x >>
                                                                   (y & 63);
                                                          }) SIGNED(arith::
                                                                        DivSIOp,
                                                                    2, quotient)
                                                          SIGNED(arith::RemSIOp, 2, remainder) SIGNED(
                                                              arith::MaxSIOp,
                                                              2,
                                                              [](auto x,
                                                                 auto y) {
                                                                return std::max(
                                                                    x, y);
                                                              })
                                                              SIGNED(
                                                                  arith::
                                                                      MinSIOp,
                                                                  2,
                                                                  [](auto x,
                                                                     auto y) {
                                                                    return std::
                                                                        min(x,
                                                                            y);
                                                                  })
                                                                  SIGNED(
                                                                      math::
                                                                          AbsIOp,
                                                                      1,
                                                                      [](auto
                                                                             x) {
                                                                        return x < 0
                                                                                   ? int64_t(
                                                                                         0 -
                                                                                         uint64_t(
                                                                                             x))
                                                                                   : x;
                                                                      })
      .Default([](Operation *) { return false; });
}

bool Compiler::conversion(Operation &op) {
  return TypeSwitch<Operation *, bool>(&op)
      .Case<arith::ExtFOp, arith::TruncFOp>(
          [&](auto) { return changeFloat(op), true; })
      .Case([&](arith::FPToSIOp) { return fromFloat(op, true), true; })
      .Case([&](arith::FPToUIOp) { return fromFloat(op, false), true; })
      .Case([&](arith::SIToFPOp) { return toFloat(op, true), true; })
      .Case([&](arith::UIToFPOp) { return toFloat(op, false), true; })
          INTS(arith::TruncIOp, 1, [](auto x) { return x; })
              INTS(arith::ExtUIOp, 1, [](auto x) { return x; })
                  SIGNED(arith::ExtSIOp, 1, [](auto x) { return x; })
                      SIGNED(arith::IndexCastOp, 1, [](auto x) { return x; })
      .Default([](Operation *) { return false; });
}

bool Compiler::function(Operation &op) {
  return TypeSwitch<Operation *, bool>(&op)
#define FUNCTION(OP, NAME)                                                     \
  FLOATS(math::OP, 1, [](auto x) { return std::NAME(x); })
      FUNCTION(AbsFOp, fabs) FUNCTION(ExpOp, exp) FUNCTION(
             Exp2Op, exp2) FUNCTION(ExpM1Op, expm1) FUNCTION(LogOp, log)
          FUNCTION(Log2Op, log2) FUNCTION(Log10Op, log10) FUNCTION(
              Log1pOp, log1p) FUNCTION(SqrtOp,
                                       sqrt) FUNCTION(CbrtOp,
                                                      cbrt) FUNCTION(SinOp, sin)
              FUNCTION(CosOp, cos) FUNCTION(TanOp, tan) FUNCTION(
                  AsinOp, asin) FUNCTION(AcosOp, acos) FUNCTION(AtanOp, atan)
                  FUNCTION(SinhOp, sinh) FUNCTION(CoshOp, cosh) FUNCTION(
                      TanhOp, tanh) FUNCTION(AsinhOp, asinh) FUNCTION(AcoshOp,
                                                                      acosh)
                      FUNCTION(AtanhOp, atanh) FUNCTION(ErfOp, erf) FUNCTION(
                          ErfcOp, erfc) FUNCTION(FloorOp,
                                                 floor) FUNCTION(CeilOp, ceil)
                          FUNCTION(RoundOp, round) FUNCTION(
                              RoundEvenOp,
                              nearbyint) // The process keeps to nearest-even.
      FUNCTION(TruncOp, trunc) FLOATS(math::RsqrtOp, 1,
                                      [](auto x) { return 1 / std::sqrt(x); })
          FLOATS(math::PowFOp, 2, [](auto x, auto y) { return std::pow(x, y); })
              FLOATS(math::Atan2Op, 2,
                     [](auto x, auto y) { return std::atan2(x, y); })
                  FLOATS(math::CopySignOp, 2,
                         [](auto x, auto y) { return std::copysign(x, y); })
                      FLOATS(math::FmaOp, 3,
                             [](auto x, auto y, auto z) {
                               return std::fma(x, y, z);
                             })
#undef FUNCTION
#undef FLOATS
#undef INTS
#undef SIGNED
                          .Default([](Operation *) { return false; });
}

bool Compiler::compile(ScalarBody op) {
  Block scratch;
  ImplicitLocOpBuilder b(op->getLoc(), op->getContext());
  b.setInsertionPointToStart(&scratch);
  for (Value operand : op->getOperands()) {
    Type type = getElementTypeOrSelf(operand.getType());
    if (auto integer = dyn_cast<IntegerType>(type))
      type = b.getIntegerType(integer.getWidth());
    define(scratch.addArgument(type, op->getLoc()));
  }
  if (!known)
    return false;
  Value result = op.buildScalar(b, scratch.getArguments());
  for (Operation &step : scratch)
    if (!arithmetic(step) && !conversion(step) && !function(step))
      return false;
  program.result = registers.at(result);
  return known;
}

std::optional<ScalarProgram> ScalarProgram::compile(ScalarBody op) {
  ScalarProgram program;
  if (!Compiler(program).compile(op))
    return std::nullopt;
  return program;
}

ScalarProgram::Frame::Frame(const ScalarProgram &program, int64_t block)
    : memory(new char[program.registers * block * 8]), block(block) {
  for (auto [i, lane] : program.constants)
    if (program.lanes[i] == Lane::F32)
      std::fill_n(as<float>(i), block,
                  llvm::bit_cast<float>(static_cast<uint32_t>(lane)));
    else
      std::fill_n(as<uint64_t>(i), block, lane);
}

} // namespace weft::graph
