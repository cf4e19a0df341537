#include "hoist/tools/ui/python_objects.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/formats/pickle/pickle_reader.h"
#include "hoist/checkpoint/pickle/pickle_builder.h"
#include "hoist/core/io/memory_file.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/tools/ui/python_repr.h"

namespace hoist {
namespace {

using namespace std::string_literals;  // NOLINT: zeros in literals
using namespace pickle_builder;        // NOLINT: a vocabulary for tests

std::string ReprOf(const std::string& pickle) {
  const auto catalog = ReadBarePickle(MemoryFile(pickle));
  HOIST_EXPECT_OK(catalog.status());
  return catalog.ok() ? PythonRepr(catalog->root()) : "";
}

// pickle.dumps(value, 2), of a fold 4, and repr(value) of Python 3.11 with
// PyTorch 2.11 and numpy 2.
const std::vector<std::pair<std::string, std::string>>& Cases() {
  static const auto* const cases = new std::vector<
      std::pair<std::string, std::string>>{
      {"\200\002cdatetime\012datetime\012q\000c_codecs\012encode\012q\001X\013\000\000\000\007\303\250\001\002\003\004\005\000\000\006q\002X\006\000\000\000latin1q\003\206q\004Rq\005\205q\006Rq\007."s,
       "datetime.datetime(2024, 1, 2, 3, 4, 5, 6)"},
      {"\200\002cdatetime\012datetime\012q\000c_codecs\012encode\012q\001X\013\000\000\000\007\303\217\014\037\000\000\000\000\000\000q\002X\006\000\000\000latin1q\003\206q\004Rq\005\205q\006Rq\007."s,
       "datetime.datetime(1999, 12, 31, 0, 0)"},
      {"\200\004\225W\000\000\000\000\000\000\000\214\010datetime\224\214\010datetime\224\223\224C\012\007\350\201\002\003\004\005\000\000\000\224h\000\214\010timezone\224\223\224h\000\214\011timedelta\224\223\224K\000K\000K\000\207\224R\224\205\224R\224\206\224R\224."s,
       "datetime.datetime(2024, 1, 2, 3, 4, 5, fold=1, "
       "tzinfo=datetime.timezone.utc)"},
      {"\200\002cdatetime\012date\012q\000c_codecs\012encode\012q\001X\004\000\000\000'\017\014\037q\002X\006\000\000\000latin1q\003\206q\004Rq\005\205q\006Rq\007."s,
       "datetime.date(9999, 12, 31)"},
      {"\200\002cdatetime\012time\012q\000c_codecs\012encode\012q\001X\006\000\000\000\027;\000\000\000\000q\002X\006\000\000\000latin1q\003\206q\004Rq\005\205q\006Rq\007."s,
       "datetime.time(23, 59)"},
      {"\200\004\225\"\000\000\000\000\000\000\000\214\010datetime\224\214\004time\224\223\224C\006\201\002\000\017B\077\224\205\224R\224."s,
       "datetime.time(1, 2, 0, 999999, fold=1)"},
      {"\200\002cdatetime\012time\012q\000c_codecs\012encode\012q\001X\006\000\000\000\007\010\011\000\000\000q\002X\006\000\000\000latin1q\003\206q\004Rq\005\205q\006Rq\007."s,
       "datetime.time(7, 8, 9)"},
      {"\200\002cdatetime\012timedelta\012q\000K\000K\000K\000\207q\001Rq\002."s,
       "datetime.timedelta(0)"},
      {"\200\002cdatetime\012timedelta\012q\000J\377\377\377\377K\003K\005\207q\001Rq\002."s,
       "datetime.timedelta(days=-1, seconds=3, microseconds=5)"},
      {"\200\002cdatetime\012timezone\012q\000cdatetime\012timedelta\012q\001K\000M \034K\000\207q\002Rq\003X\004\000\000\000CESTq\004\206q\005Rq\006."s,
       "datetime.timezone(datetime.timedelta(seconds=7200), 'CEST')"},
      {"\200\002cpathlib\012PurePosixPath\012q\000X\001\000\000\000/q\001X\001\000\000\000aq\002X\003\000\000\000b cq\003\207q\004Rq\005."s,
       "PurePosixPath('/a/b c')"},
      {"\200\002cpathlib\012PurePosixPath\012q\000)Rq\001."s,
       "PurePosixPath('.')"},
      {"\200\002cpathlib\012PureWindowsPath\012q\000X\003\000\000\000C:\\q\001X\001\000\000\000xq\002X\001\000\000\000yq\003\207q\004Rq\005."s,
       "PureWindowsPath('C:/x/y')"},
      {"\200\002cpathlib\012PosixPath\012q\000X\003\000\000\000relq\001X\001\000\000\000xq\002\206q\003Rq\004."s,
       "PosixPath('rel/x')"},
      {"\200\002cargparse\012Namespace\012q\000)\201q\001}q\002(X\002\000\000\000lrq\003G\077\271\231\231\231\231\231\232X\004\000\000\000nameq\004X\001\000\000\000xq\005ub."s,
       "Namespace(lr=0.1, name='x')"},
      {"\200\002cargparse\012Namespace\012q\000)\201q\001."s, "Namespace()"},
      {"\200\002ctypes\012SimpleNamespace\012q\000)Rq\001}q\002X\001\000\000\000aq\003]q\004K\001asb."s,
       "namespace(a=[1])"},
      {"\200\002c__builtin__\012xrange\012q\000K\000K\003K\001\207q\001Rq\002."s,
       "range(0, 3)"},
      {"\200\002c__builtin__\012xrange\012q\000K\011K\000J\375\377\377\377\207q\001Rq\002."s,
       "range(9, 0, -3)"},
      {"\200\002c__builtin__\012slice\012q\000K\001NN\207q\001Rq\002."s,
       "slice(1, None, None)"},
      {"\200\002cdecimal\012Decimal\012q\000X\004\000\000\0001.50q\001\205q\002Rq\003."s,
       "Decimal('1.50')"},
      {"\200\002cfractions\012Fraction\012q\000K\001K\003\206q\001Rq\002."s,
       "Fraction(1, 3)"},
      {"\200\002ctorch\012device\012q\000X\004\000\000\000cudaq\001K\001\206q\002Rq\003."s,
       "device(type='cuda', index=1)"},
      {"\200\002ctorch\012device\012q\000X\003\000\000\000cpuq\001\205q\002Rq\003."s,
       "device(type='cpu')"},
      {"\200\002ctorch\012bfloat16\012q\000."s, "torch.bfloat16"},
      {"\200\002ctorch\012per_tensor_affine\012q\000."s,
       "torch.per_tensor_affine"},
      {"\200\002c__builtin__\012Ellipsis\012q\000."s, "Ellipsis"},
      {"\200\002ctorch\012Size\012q\000K\002K\003\206q\001\205q\002Rq\003."s,
       "torch.Size([2, 3])"},
      {"\200\002cnumpy\012dtype\012q\000X\002\000\000\000f4q\001\211\210\207q\002Rq\003(K\003X\001\000\000\000<q\004NNNJ\377\377\377\377J\377\377\377\377K\000tq\005b."s,
       "dtype('float32')"},
      {"\200\002cnumpy\012dtype\012q\000X\002\000\000\000i4q\001\211\210\207q\002Rq\003(K\003X\001\000\000\000>q\004NNNJ\377\377\377\377J\377\377\377\377K\000tq\005b."s,
       "dtype('>i4')"},
      {"\200\002cnumpy\012dtype\012q\000X\002\000\000\000U2q\001\211\210\207q\002Rq\003(K\003X\001\000\000\000<q\004NNNK\010K\004K\010tq\005b."s,
       "dtype('<U2')"},
      {"\200\002cnumpy\012dtype\012q\000X\002\000\000\000S3q\001\211\210\207q\002Rq\003(K\003X\001\000\000\000|q\004NNNK\003K\001K\000tq\005b."s,
       "dtype('S3')"},
      {"\200\002cnumpy\012dtype\012q\000X\002\000\000\000O8q\001\211\210\207q\002Rq\003(K\003X\001\000\000\000|q\004NNNJ\377\377\377\377J\377\377\377\377K\077tq\005b."s,
       "dtype('O')"},
      {"\200\002cnumpy\012dtype\012q\000X\002\000\000\000b1q\001\211\210\207q\002Rq\003(K\003X\001\000\000\000|q\004NNNJ\377\377\377\377J\377\377\377\377K\000tq\005b."s,
       "dtype('bool')"},
      {"\200\002cnumpy._core.multiarray\012scalar\012q\000cnumpy\012dtype\012q\001X\002\000\000\000f4q\002\211\210\207q\003Rq\004(K\003X\001\000\000\000<q\005NNNJ\377\377\377\377J\377\377\377\377K\000tq\006bc_codecs\012encode\012q\007X\007\000\000\000\303\215\303\214\303\214=q\010X\006\000\000\000latin1q\011\206q\012Rq\013\206q\014Rq\015."s,
       "np.float32(0.1)"},
      {"\200\002cnumpy._core.multiarray\012scalar\012q\000cnumpy\012dtype\012q\001X\002\000\000\000f2q\002\211\210\207q\003Rq\004(K\003X\001\000\000\000<q\005NNNJ\377\377\377\377J\377\377\377\377K\000tq\006bc_codecs\012encode\012q\007X\002\000\000\000f.q\010X\006\000\000\000latin1q\011\206q\012Rq\013\206q\014Rq\015."s,
       "np.float16(0.1)"},
      {"\200\002cnumpy._core.multiarray\012scalar\012q\000cnumpy\012dtype\012q\001X\002\000\000\000f8q\002\211\210\207q\003Rq\004(K\003X\001\000\000\000<q\005NNNJ\377\377\377\377J\377\377\377\377K\000tq\006bc_codecs\012encode\012q\007X\017\000\000\000\302\232\302\231\302\231\302\231\302\231\302\231\302\271\077q\010X\006\000\000\000latin1q\011\206q\012Rq\013\206q\014Rq\015."s,
       "np.float64(0.1)"},
      {"\200\002cnumpy._core.multiarray\012scalar\012q\000cnumpy\012dtype\012q\001X\002\000\000\000f4q\002\211\210\207q\003Rq\004(K\003X\001\000\000\000<q\005NNNJ\377\377\377\377J\377\377\377\377K\000tq\006bc_codecs\012encode\012q\007X\007\000\000\000\303\277\303\246\303\233.q\010X\006\000\000\000latin1q\011\206q\012Rq\013\206q\014Rq\015."s,
       "np.float32(1e-10)"},
      {"\200\002cnumpy._core.multiarray\012scalar\012q\000cnumpy\012dtype\012q\001X\002\000\000\000f2q\002\211\210\207q\003Rq\004(K\003X\001\000\000\000<q\005NNNJ\377\377\377\377J\377\377\377\377K\000tq\006bc_codecs\012encode\012q\007X\002\000\000\000\001\000q\010X\006\000\000\000latin1q\011\206q\012Rq\013\206q\014Rq\015."s,
       "np.float16(6e-08)"},
      {"\200\002cnumpy._core.multiarray\012scalar\012q\000cnumpy\012dtype\012q\001X\002\000\000\000i1q\002\211\210\207q\003Rq\004(K\003X\001\000\000\000|q\005NNNJ\377\377\377\377J\377\377\377\377K\000tq\006bc_codecs\012encode\012q\007X\002\000\000\000\303\275q\010X\006\000\000\000latin1q\011\206q\012Rq\013\206q\014Rq\015."s,
       "np.int8(-3)"},
      {"\200\002cnumpy._core.multiarray\012scalar\012q\000cnumpy\012dtype\012q\001X\002\000\000\000b1q\002\211\210\207q\003Rq\004(K\003X\001\000\000\000|q\005NNNJ\377\377\377\377J\377\377\377\377K\000tq\006bc_codecs\012encode\012q\007X\001\000\000\000\001q\010X\006\000\000\000latin1q\011\206q\012Rq\013\206q\014Rq\015."s,
       "np.True_"},
      {"\200\002cnumpy._core.multiarray\012scalar\012q\000cnumpy\012dtype\012q\001X\002\000\000\000c8q\002\211\210\207q\003Rq\004(K\003X\001\000\000\000<q\005NNNJ\377\377\377\377J\377\377\377\377K\000tq\006bc_codecs\012encode\012q\007X\011\000\000\000\000\000\302\200\077\000\000\000@q\010X\006\000\000\000latin1q\011\206q\012Rq\013\206q\014Rq\015."s,
       "np.complex64(1+2j)"},
      {"\200\002ccollections\012Counter\012q\000}q\001(X\001\000\000\000aq\002K\001X\001\000\000\000bq\003K\002X\001\000\000\000cq\004K\003u\205q\005Rq\006."s,
       "Counter({'c': 3, 'b': 2, 'a': 1})"},
      {"\200\002ccollections\012Counter\012q\000}q\001\205q\002Rq\003."s,
       "Counter()"},
      {"\200\002ccollections\012defaultdict\012q\000c__builtin__\012list\012q\001\205q\002Rq\003K\001]q\004K\002as."s,
       "defaultdict(<class 'list'>, {1: [2]})"},
      {"\200\002ccollections\012defaultdict\012q\000)Rq\001."s,
       "defaultdict(None, {})"},
      {"\200\002ccollections\012deque\012q\000)Rq\001K\001a."s, "deque([1])"},
      {"\200\002ccollections\012deque\012q\000)K\005\206q\001Rq\002."s,
       "deque([], maxlen=5)"},
      {"\200\002c__builtin__\012frozenset\012q\000]q\001K\001a\205q\002Rq\003."s,
       "frozenset({1})"},
      {"\200\002c__builtin__\012frozenset\012q\000]q\001\205q\002Rq\003."s,
       "frozenset()"},
      {"\200\002c__builtin__\012bytearray\012q\000c_codecs\012encode\012q\001X\003\000\000\000\000a'q\002X\006\000\000\000latin1q\003\206q\004Rq\005\205q\006Rq\007."s,
       "bytearray(b\"\\x00a\\'\")"},
      {"\200\002c_codecs\012encode\012q\000X\006\000\000\000\303\277a\012\\\"q\001X\006\000\000\000latin1q\002\206q\003Rq\004."s,
       "b'\\xffa\\n\\\\\"'"},
      {"\200\002c_codecs\012encode\012q\000X\004\000\000\000it'sq\001X\006\000\000\000latin1q\002\206q\003Rq\004."s,
       "b\"it's\""},
      {"\200\002]q\000(K\001\205q\001)e."s, "[(1,), ()]"},
      {"\200\002}q\000X\001\000\000\000kq\001c__builtin__\012set\012q\002]q\003K\001a\205q\004Rq\005s."s,
       "{'k': {1}}"},
  };
  return *cases;
}

TEST(PythonObjectReprTest, IsPythons) {
  for (const auto& [pickle, repr] : Cases()) {
    EXPECT_EQ(ReprOf(pickle), repr);
  }
}

TEST(PythonObjectReprTest, WhatIsPickledOtherwiseIsShownAsItIs) {
  // A date of three bytes, of none, a range of two numbers, a path of numbers.
  EXPECT_EQ(ReprOf(Pickle(Call(Class("datetime", "date"), {Bytes("abc")}))),
            "datetime.date(b'abc')");
  EXPECT_EQ(ReprOf(Pickle(Call(Class("datetime", "date"), {}))),
            "<datetime.date object>");
  EXPECT_EQ(
      ReprOf(Pickle(Call(Class("__builtin__", "xrange"), {Int(1), Int(2)}))),
      "range(1, 2)");
  EXPECT_EQ(ReprOf(Pickle(Call(Class("pathlib", "PosixPath"), {Int(1)}))),
            "pathlib.PosixPath(1)");
  EXPECT_EQ(ReprOf(Pickle(Call(Class("torch", "device"), {Int(1)}))),
            "torch.device(1)");
}

TEST(PythonObjectReprTest, UnknownClasses) {
  EXPECT_EQ(ReprOf(Pickle(Call(Class("mine", "Phase"), {Int(1)}))),
            "mine.Phase(1)");
  EXPECT_EQ(ReprOf(Pickle(Object(Class("mine", "Trainer"), Dict({})))),
            "<mine.Trainer object>");
  EXPECT_EQ(ReprOf(Pickle(Class("mine", "Trainer"))), "<class 'mine.Trainer'>");
}

TEST(PythonObjectReprTest, WhatIsSharedManyTimesEnds) {
  // Each holds the one before it 100 times.
  std::string value = Text(std::string(1000, 'x')) + "q\1";
  for (char level = 1; level <= 3; ++level) {
    std::vector<std::string> items(99, std::string("h") + level);
    items.insert(items.begin(), value);
    value = Call(Class("datetime", "timezone"), items) + "q" +
            static_cast<char>(level + 1);
  }
  EXPECT_LT(ReprOf(Pickle(value)).size(), size_t{1} << 20);
}

TEST(PythonObjectReprTest, EndsForObjectsInsideEachOther) {
  std::string value = Int(1);
  for (int i = 0; i < 1000; ++i) {
    value = Call(Class("datetime", "timezone"), {value});
  }
  EXPECT_LT(ReprOf(Pickle(value)).size(), 300u);
}

}  // namespace
}  // namespace hoist
