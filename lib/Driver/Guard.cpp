// A compilation is not built to be stopped in the middle: where it must be, the
// process says why and ends. Outputs are written under temporary names and
// renamed, so that no half-written file is taken for a whole one.
#include "weft/Driver/Guard.h"
#include "weft/Driver/Terminal.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"
#include <chrono>
#include <csignal>
#include <cstring>
#include <unistd.h>

using namespace weft;

static std::atomic<bool> verboseCrash{false};
static std::atomic<const char *> crashContext{""};

void weft::setCrashVerbosity(bool verbose) { verboseCrash = verbose; }
void weft::setCrashContext(const char *what) { crashContext = what; }

/// Only what a signal handler may do.
static void put(const char *text) {
  ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
  (void)ignored;
}

static void onCrash(int number) {
  std::signal(SIGABRT, SIG_DFL);
  const char *name = number == SIGSEGV   ? "segmentation fault"
                     : number == SIGABRT ? "abort"
                     : number == SIGFPE  ? "arithmetic fault"
                     : number == SIGILL  ? "illegal instruction"
                                         : "bus error";
  put("internal error: ");
  put(name);
  if (*crashContext) {
    put(" in ");
    put(crashContext);
  }
  put(verboseCrash ? "; please report it with the model and this trace\n"
                   : "; please report it with the model and the output of "
                     "--verbose\n");
  if (verboseCrash)
    llvm::sys::PrintStackTrace(llvm::errs());
  _exit(kInternalError);
}

static void onFatalError(void *, const char *reason, bool) {
  put("internal error: ");
  put(reason);
  put("\n");
  if (verboseCrash)
    llvm::sys::PrintStackTrace(llvm::errs());
  _exit(kInternalError);
}

static void onBadAlloc(void *, const char *, bool) {
  put("error: not enough memory\n");
  _exit(kBudgetExceeded);
}

void weft::installCrashHandlers() {
  llvm::install_fatal_error_handler(onFatalError);
  llvm::install_bad_alloc_error_handler(onBadAlloc);
  // A stack that overflowed cannot run its handler.
  static char stack[1 << 16];
  stack_t alternate{};
  alternate.ss_sp = stack;
  alternate.ss_size = sizeof stack;
  sigaltstack(&alternate, nullptr);
  struct sigaction action{};
  action.sa_handler = onCrash;
  action.sa_flags = SA_ONSTACK | SA_RESETHAND;
  for (int number : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL})
    sigaction(number, &action, nullptr);
  // Reported as an error of the write, with the file's name.
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
}

BudgetGuard::BudgetGuard(Budget budget,
                         std::function<void(const std::string &)> callback)
    : exceeded(std::move(callback)) {
  if (budget.seconds || budget.bytes)
    thread = std::thread([this, budget] { loop(budget); });
}

BudgetGuard::~BudgetGuard() {
  stopping = true;
  if (thread.joinable())
    thread.join();
}

void BudgetGuard::loop(Budget budget) {
  using Clock = std::chrono::steady_clock;
  Clock::time_point begin = Clock::now();
  while (!stopping) {
    std::string reason;
    std::chrono::duration<double> elapsed = Clock::now() - begin;
    if (budget.seconds && elapsed.count() > budget.seconds)
      reason = "compiling takes more than the " +
               formatSeconds(budget.seconds) + " of --budget";
    else if (budget.bytes && residentBytes() > budget.bytes)
      reason = "compiling needs more than the " + formatBytes(budget.bytes) +
               " of --budget";
    if (!reason.empty()) {
      exceeded(reason);
      _exit(kBudgetExceeded);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}
