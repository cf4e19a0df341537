#include "hoist/checkpoint/scan/dangerous_names.h"

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"

namespace hoist {
namespace {

using Names = absl::flat_hash_set<std::string>;
using NamesOfModules = absl::flat_hash_map<std::string, Names>;

// Everything in these modules, and in the modules inside them.
const Names& DangerousModules() {
  static const auto* const modules = new Names({
      // The system.
      "os",
      "posix",
      "nt",
      "sys",
      "_posixsubprocess",
      "subprocess",
      "commands",
      "popen2",
      "pty",
      "tty",
      "signal",
      "_signal",
      "resource",
      "fcntl",
      "mmap",
      "winreg",
      "_winreg",
      "_winapi",
      "msvcrt",
      "win32api",
      "win32com",
      "win32process",
      "platform",
      "getpass",
      "pwd",
      "spwd",
      "crypt",
      "syslog",
      "sysconfig",
      "psutil",
      "pexpect",
      "sh",
      "plumbum",
      "fabric",
      "invoke",
      "paramiko",
      "dl",
      "faulthandler",
      // Code.
      "runpy",
      "code",
      "codeop",
      "imp",
      "importlib",
      "_imp",
      "_frozen_importlib",
      "_frozen_importlib_external",
      "zipimport",
      "pkgutil",
      "imputil",
      "ihooks",
      "marshal",
      "new",
      "pdb",
      "bdb",
      "doctest",
      "timeit",
      "trace",
      "cProfile",
      "profile",
      "hotshot",
      "pydoc",
      "site",
      "sitecustomize",
      "usercustomize",
      "test.support",
      "unittest",
      "idlelib",
      "lib2to3",
      "turtledemo",
      "pip",
      "venv",
      "virtualenv",
      "ensurepip",
      "setuptools",
      "distutils",
      "pkg_resources",
      "py_compile",
      "compileall",
      "ctypes",
      "_ctypes",
      "cffi",
      "_cffi_backend",
      "numba",
      "cython",
      "pyximport",
      "llvmlite",
      "gc",
      "inspect",
      "linecache",
      "traceback",
      "ast",
      "symtable",
      "dis",
      "rlcompleter",
      "readline",
      "cmd",
      "sched",
      "atexit",
      "xmlrpc",
      "xmlrpclib",
      "IPython",
      "ipykernel",
      "jupyter_client",
      "nbconvert",
      "nose",
      "pytest",
      "_pytest",
      "fickling",
      // Pickles in pickles, and other loaders that run what they read.
      "pickle",
      "_pickle",
      "cPickle",
      "pickletools",
      "dill",
      "_dill",
      "cloudpickle",
      "cloudpickle_fast",
      "joblib",
      "shelve",
      "jsonpickle",
      "dbm",
      "anydbm",
      "yaml",
      "ruamel",
      "srsly",
      "sqlite3",
      "_sqlite3",
      // Files.
      "shutil",
      "tempfile",
      "fileinput",
      "zipfile",
      "tarfile",
      "zipapp",
      "io",
      "_io",
      "_pyio",
      "glob",
      "filecmp",
      "logging.config",
      "logging.handlers",
      "gzip",
      "bz2",
      "lzma",
      "fsspec",
      "smart_open",
      "boto3",
      "botocore",
      "s3fs",
      "gcsfs",
      // Networks.
      "socket",
      "_socket",
      "socketserver",
      "SocketServer",
      "ssl",
      "_ssl",
      "select",
      "selectors",
      "asyncio",
      "asyncore",
      "asynchat",
      "http",
      "httplib",
      "httplib2",
      "httpx",
      "urllib",
      "urllib2",
      "urllib3",
      "urlparse",
      "requests",
      "aiohttp",
      "smtplib",
      "smtpd",
      "ftplib",
      "imaplib",
      "poplib",
      "nntplib",
      "telnetlib",
      "webbrowser",
      "antigravity",
      "cgi",
      "cgitb",
      "CGIHTTPServer",
      "SimpleHTTPServer",
      "BaseHTTPServer",
      "wsgiref",
      "websocket",
      "websockets",
      "tornado",
      "twisted",
      "flask",
      "django",
      "zmq",
      "pycurl",
      "huggingface_hub",
      // Threads and processes.
      "threading",
      "_thread",
      "thread",
      "_threading_local",
      "dummy_threading",
      "multiprocessing",
      "_multiprocessing",
      "concurrent",
      "billiard",
      "loky",
      "ray.cloudpickle",
      "celery",
      // Windows on a screen.
      "tkinter",
      "_tkinter",
      "Tkinter",
      "turtle",
      "curses",
      // Of the packages that checkpoints are made with.
      "torch.hub",
      "torch.jit",
      "torch._jit_internal",
      "torch.package",
      "torch.utils.cpp_extension",
      "torch._inductor",
      "torch._dynamo",
      "torch.fx.experimental",
      "torch.utils.bottleneck",
      "torch.utils.collect_env",
      "torch.utils._config_module",
      "torch.utils.data.datapipes",
      "torch.utils.model_zoo",
      "torch.ops",
      "torch._ops",
      "torch.classes",
      "torch._classes",
      "torch.library",
      "torch.multiprocessing",
      "torch.distributed.rpc",
      "torch.distributed.elastic",
      "torch.distributed.run",
      "torch.distributed.launch",
      "torch.onnx",
      "torch.testing",
      "torch._export",
      "torch.export",
      "torch._C._jit",
      "torch.utils.tensorboard",
      "torch.utils.hipify",
      "torch.utils.benchmark",
      "torch._appdirs",
      "torchvision.datasets",
      "torchvision.io",
      "numpy.testing",
      "numpy.f2py",
      "numpy.distutils",
      "numpy.ctypeslib",
      "numpy.lib.npyio",
      "numpy.lib._npyio_impl",
      "numpy.lib.format",
      "numpy._pytesttester",
      "numpy.compat.py3k",
      "pandas.io",
      "pandas.core.computation",
      "scipy.io",
      "sklearn.externals",
      "sympy",
      "tensorflow.keras.models",
      "keras.models",
      "tensorflow.python.ops.script_ops",
      "transformers.dynamic_module_utils",
  });
  return *modules;
}

// Single names of modules that are not dangerous altogether.
const NamesOfModules& DangerousNames() {
  static const auto* const names = new NamesOfModules({
      {"builtins",
       {"eval",       "exec",       "execfile",    "compile",
        "open",       "file",       "getattr",     "setattr",
        "delattr",    "hasattr",    "__import__",  "__build_class__",
        "__loader__", "__spec__",   "apply",       "input",
        "raw_input",  "breakpoint", "globals",     "locals",
        "vars",       "dir",        "map",         "filter",
        "reduce",     "reload",     "exit",        "quit",
        "help",       "memoryview", "classmethod", "staticmethod",
        "property",   "super",      "callable",    "print"}},
      {"operator",
       {"attrgetter", "methodcaller", "itemgetter", "call", "getitem",
        "setitem", "delitem", "isCallable", "iadd", "concat"}},
      {"functools",
       {"partial", "partialmethod", "reduce", "singledispatch", "wraps",
        "update_wrapper", "cached_property", "lru_cache"}},
      {"types",
       {"CodeType", "FunctionType", "LambdaType", "MethodType", "ModuleType",
        "new_class", "prepare_class", "resolve_bases", "coroutine",
        "DynamicClassAttribute", "GeneratorType", "BuiltinFunctionType",
        "CellType", "ClassType", "InstanceType"}},
      {"copyreg", {"extension", "add_extension", "pickle", "constructor"}},
      {"codecs",
       {"open", "EncodedFile", "StreamReaderWriter", "register", "lookup",
        "getreader", "getwriter"}},
      {"_codecs", {"register", "lookup", "register_error"}},
      {"itertools", {"starmap", "accumulate", "takewhile", "dropwhile"}},
      {"_operator",
       {"attrgetter", "methodcaller", "itemgetter", "call", "getitem",
        "setitem", "delitem"}},
      {"_functools", {"partial", "reduce"}},
      {"_aix_support", {"_read_cmd_output"}},
      {"_osx_support",
       {"_read_output", "_find_build_tool", "compiler_fixup",
        "get_platform_osx", "customize_config_vars", "customize_compiler"}},
      {"_pyrepl.pager", {"pipe_pager", "tempfile_pager", "get_pager"}},
      {"uuid", {"_get_command_stdout", "_popen", "_find_mac", "getnode"}},
      {"logging", {"FileHandler", "basicConfig", "config"}},
      {"random", {"_os", "_urandom"}},
      {"typing", {"ForwardRef", "get_type_hints", "_eval_type"}},
      {"dataclasses", {"make_dataclass", "_create_fn"}},
      {"collections", {"_sys", "namedtuple"}},
      {"enum", {"_EnumDict", "_make_class_unpicklable", "sys"}},
      {"mailcap", {"findmatch", "subst"}},
      {"mimetypes", {"init", "read_mime_types"}},
      {"netrc", {"netrc"}},
      {"xml.sax", {"parse"}},
      {"configparser", {"ConfigParser", "RawConfigParser"}},
      {"torch",
       {"load",
        "save",
        "compile",
        "hub",
        "jit",
        "ops",
        "classes",
        "library",
        "package",
        "utils",
        "serialization",
        "load_library",
        "import_ir_module",
        "vmap",
        "cond",
        "while_loop",
        "_import_dotted_name",
        "_utils_internal",
        "_running_with_deploy",
        "get_file_path",
        "prepare_multiprocessing_environment",
        "_preload_cuda_deps",
        "_load_global_deps",
        "set_default_tensor_type"}},
      {"torch.serialization",
       {"load", "save", "_load", "_legacy_load", "_open_file",
        "_open_file_like", "_open_zipfile_reader", "_open_zipfile_writer",
        "_save", "_legacy_save", "add_safe_globals", "safe_globals",
        "register_package", "set_default_load_endianness", "mkdtemp"}},
      {"torch.storage", {"_load_from_bytes", "_new_shared", "_share_filename"}},
      {"torch._utils", {"_import_dotted_name"}},
      {"torch.nn.modules.module", {"register_module_forward_hook"}},
      {"torch.nn.functional", {"boolean_dispatch", "importlib"}},
      {"torch.fx", {"GraphModule", "Interpreter", "symbolic_trace"}},
      {"torch.fx.graph_module",
       {"reduce_graph_module", "reduce_package_graph_module",
        "reduce_deploy_graph_module", "_deserialize_graph_module",
        "_exec_with_source", "_forward_from_src", "GraphModule"}},
      {"torch.cuda", {"_sleep", "jiterator"}},
      {"torch.utils.file_baton", {"FileBaton"}},
      {"torch.utils", {"cpp_extension", "model_zoo", "bottleneck"}},
      {"numpy",
       {"load",
        "save",
        "savez",
        "loadtxt",
        "savetxt",
        "genfromtxt",
        "fromfile",
        "memmap",
        "fromregex",
        "vectorize",
        "frompyfunc",
        "apply_along_axis",
        "apply_over_axes",
        "piecewise",
        "fromfunction",
        "load_library",
        "DataSource",
        "testing",
        "f2py",
        "distutils",
        "ctypeslib"}},
      {"numpy.core.multiarray", {"fromfile"}},
      {"numpy._core.multiarray", {"fromfile"}},
      {"numpy.core.memmap", {"memmap"}},
      {"numpy._core.memmap", {"memmap"}},
      {"pandas",
       {"read_pickle", "eval", "read_csv", "read_json", "read_html", "read_hdf",
        "read_sql", "HDFStore"}},
      {"pandas.core.frame", {"DataFrame.eval", "DataFrame.query"}},
      {"lightning_fabric.utilities.cloud_io", {"_load", "get_filesystem"}},
  });
  return *names;
}

// What no attribute of an attribute may be called, nor an imported name:
// dangerous modules that others import, and ways to what is dangerous.
const Names& DangerousAttributes() {
  static const auto* const names = new Names({
      "os",           "_os",           "sys",
      "_sys",         "posix",         "nt",
      "subprocess",   "builtins",      "__builtin__",
      "__builtins__", "importlib",     "shutil",
      "_shutil",      "socket",        "_socket",
      "ctypes",       "pickle",        "_pickle",
      "cPickle",      "runpy",         "pty",
      "marshal",      "eval",          "exec",
      "execfile",     "system",        "popen",
      "__import__",   "getattr",       "setattr",
      "tempfile",     "cpp_extension", "multiprocessing",
      "threading",    "import_module", "load_module",
      "exec_module",  "runcode",       "runsource",
      "run_path",     "run_module",    "runctx",
      "run_code",     "_run_code",     "write_text",
      "write_bytes",  "unlink",        "rmtree",
      "rmdir",        "check_output",  "check_call",
      "Popen",        "execv",         "execve",
      "spawnl",       "spawnv",        "modules",
      "func_globals", "f_globals",     "gi_frame",
      "f_builtins",   "im_func",       "co_code",
      "attrgetter",   "methodcaller",  "io",
      "_io",          "pathlib",       "requests",
      "urllib",       "webbrowser",
  });
  return *names;
}

// Modules of Python 2 whose names have changed.
std::string Python3Module(absl::string_view module) {
  static const auto* const renamed =
      new absl::flat_hash_map<std::string, std::string>({
          {"__builtin__", "builtins"},
          {"__builtins__", "builtins"},
          {"copy_reg", "copyreg"},
          {"ConfigParser", "configparser"},
      });
  const auto entry = renamed->find(std::string(module));
  return entry == renamed->end() ? std::string(module) : entry->second;
}

// Whether `dotted` or one of "a", "a.b" of "a.b.c" is among `names`.
bool HasPrefixIn(const std::string& dotted, const Names& names) {
  for (size_t end = dotted.find('.');; end = dotted.find('.', end + 1)) {
    if (names.contains(dotted.substr(0, end))) {
      return true;
    }
    if (end == std::string::npos) {
      return false;
    }
  }
}

bool IsDangerousName(const std::string& module, const std::string& name) {
  const auto names = DangerousNames().find(module);
  return names != DangerousNames().end() && HasPrefixIn(name, names->second);
}

}  // namespace

bool IsDangerousGlobal(absl::string_view module_text,
                       absl::string_view name_text) {
  const std::string module = Python3Module(module_text);
  const std::string name(name_text);
  const std::vector<std::string> parts = absl::StrSplit(name, '.');
  const std::string whole = module + "." + name;
  // The name may be a module itself, as a path to one is.
  if (HasPrefixIn(whole, DangerousModules()) || IsDangerousName(module, name)) {
    return true;
  }
  // ("torch", "serialization.load") is ("torch.serialization", "load").
  for (size_t at = whole.find('.'); at != std::string::npos;
       at = whole.find('.', at + 1)) {
    if (IsDangerousName(whole.substr(0, at), whole.substr(at + 1))) {
      return true;
    }
  }
  for (const std::string& part : parts) {
    if (DangerousAttributes().contains(part)) {
      return true;
    }
    // A path through the insides of an object.
    if (parts.size() > 1 && absl::StartsWith(part, "__")) {
      return true;
    }
  }
  // Methods of paths read and write files.
  return parts.size() > 1 && HasPrefixIn(module, Names({"pathlib"}));
}

}  // namespace hoist
