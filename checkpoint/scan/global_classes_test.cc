#include "hoist/checkpoint/scan/global_classes.h"

#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace hoist {
namespace {

using Globals = std::vector<std::pair<std::string, std::string>>;

void ExpectAll(const Globals& globals, GlobalClass expected) {
  for (const auto& [module, name] : globals) {
    EXPECT_EQ(GlobalClassName(ClassifyGlobal(module, name)),
              GlobalClassName(expected))
        << module << " " << name;
  }
}

TEST(ClassifyGlobalTest, WhatCheckpointsAreMadeOfIsHarmless) {
  ExpectAll({{"collections", "OrderedDict"},
             {"__builtin__", "set"},
             {"builtins", "ValueError"},
             {"copy_reg", "_reconstructor"},
             {"_codecs", "encode"},
             {"datetime", "timedelta"},
             {"pathlib", "PurePosixPath"},
             {"argparse", "Namespace"},
             {"torch", "FloatStorage"},
             {"torch.cuda", "HalfTensor"},
             {"torch", "Size"},
             {"torch", "bfloat16"},
             {"torch", "float8_e4m3fn"},
             {"torch", "bits1x8"},
             {"torch", "per_channel_affine"},
             {"torch._utils", "_rebuild_tensor_v2"},
             {"torch.serialization", "_get_layout"},
             {"torch.nested._internal.nested_tensor", "_rebuild_njt"},
             {"torch._dynamo.decorators", "_DimRange"},
             {"torch.storage", "UntypedStorage"},
             {"torch.nn.modules.linear", "Linear"},
             {"torch.nn.functional", "relu"},
             {"torch.optim.adam", "Adam"},
             {"numpy", "dtype"},
             {"numpy", "float64"},
             {"numpy._core.multiarray", "_reconstruct"},
             {"numpy.dtypes", "Float64DType"},
             {"__torch__.torch.nn.modules.linear", "Linear"}},
            GlobalClass::kHarmless);
}

TEST(ClassifyGlobalTest, WhatRunsCodeIsDangerous) {
  ExpectAll({{"os", "system"},
             {"posix", "system"},
             {"nt", "system"},
             {"os.path", "join"},
             {"sys", "exit"},
             {"subprocess", "Popen"},
             {"__builtin__", "eval"},
             {"builtins", "exec"},
             {"builtins", "getattr"},
             {"builtins", "__import__"},
             {"runpy", "_run_code"},
             {"socket", "create_connection"},
             {"shutil", "rmtree"},
             {"ctypes", "CDLL"},
             {"_pickle", "loads"},
             {"dill._dill", "_create_function"},
             {"cloudpickle.cloudpickle", "_make_function"},
             {"importlib", "import_module"},
             {"torch.hub", "load"},
             {"torch", "load"},
             {"torch.serialization", "load"},
             {"torch.storage", "_load_from_bytes"},
             {"torch.jit", "load"},
             {"torch.jit.unsupported_tensor_ops", "execWrapper"},
             {"torch._inductor.codecache", "compile_file"},
             {"torch._dynamo.guards", "GuardBuilder.get"},
             {"torch.fx.experimental.symbolic_shapes",
              "ShapeEnv.evaluate_guards_expression"},
             {"torch.utils._config_module", "ConfigModule.load_config"},
             {"torch.utils.bottleneck.__main__", "run_cprofile"},
             {"torch.utils.collect_env", "run"},
             {"torch.utils.data.datapipes.utils.decoder", "basichandlers"},
             {"numpy.testing._private.utils", "runstring"},
             {"numpy.f2py.crackfortran", "getlincoef"},
             {"numpy", "load"},
             {"webbrowser", "open"},
             {"operator", "attrgetter"},
             {"functools", "partial"},
             {"asyncio.unix_events", "_UnixSubprocessTransport._start"},
             {"code", "InteractiveInterpreter.runcode"},
             {"bdb", "Bdb.run"},
             {"pdb", "run"},
             {"timeit", "timeit"},
             {"cProfile", "runctx"},
             {"trace", "Trace.run"},
             {"httplib", "HTTPSConnection"},
             {"requests.api", "get"},
             {"aiohttp.client", "ClientSession"},
             {"ssl", "get_server_certificate"},
             {"threading", "Thread"},
             {"pathlib", "Path.write_text"},
             {"idlelib.pyshell", "ModifiedInterpreter.runcode"},
             {"lib2to3.pgen2.grammar", "Grammar.loads"},
             {"pip", "main"},
             {"venv", "create"},
             {"ensurepip", "_run_pip"},
             {"distutils.file_util", "write_file"},
             {"doctest", "debug_script"},
             {"pydoc", "pipepager"},
             {"commands", "getoutput"},
             {"types", "CodeType"},
             {"marshal", "loads"},
             {"pandas", "read_pickle"}},
            GlobalClass::kDangerous);
}

TEST(ClassifyGlobalTest, PathsToDangerAreDangerous) {
  ExpectAll({{"torch", "serialization.os.system"},
             {"torch", "serialization.load"},
             {"torch.serialization", "os"},
             {"collections", "OrderedDict.__init__"},
             {"collections", "abc.sys.modules"},
             {"my_module", "helper.__globals__"},
             {"torch.nn.modules.module", "Module.__class__"},
             {"logging", "os.system"},
             {" os ", "system"},
             {"builtins", "eval\r"}},
            GlobalClass::kDangerous);
}

TEST(ClassifyGlobalTest, AllElseIsUnknown) {
  ExpectAll({{"my_project.models", "Net"},
             {"models.common", "Conv"},
             {"torch", "relu"},
             {"torch.nn.modules.module", "_addindent"},
             {"torch.nn.modules.linear", "Linear.forward"},
             {"collections", "OrderedDict.fromkeys"},
             {"oscar", "system_name"},
             {"torchvision.models.resnet", "ResNet"},
             {"", ""}},
            GlobalClass::kUnknown);
}

}  // namespace
}  // namespace hoist
