// The entries of ONNX Runtime's C interface by which a program loads and runs a graph, by position
// and type as in runtime/native/ort_abi.h, so that one build opens any libonnxruntime.so.
#pragma once

#include "ort_abi.h"

namespace ort {

// ONNX Runtime 1.24, the first that tells which provider took which node. It is asked for where the
// library has it; an older one serves down to kApiVersion, without that.
constexpr uint32_t kAssignmentApiVersion = 24;

// More objects of the host, known by address only.
struct Env;
struct Session;
struct RunOptions;
struct Allocator;
struct MemoryInfo;
struct TypeInfo;
struct AssignedSubgraph;  // OrtEpAssignedSubgraph
struct AssignedNode;      // OrtEpAssignedNode

constexpr int kLogErrors = 3;        // OrtLoggingLevel
constexpr int kDeviceAllocator = 0;  // OrtAllocatorType
constexpr int kDefaultMemory = 0;    // OrtMemType

using GetErrorMessage = Entry<2, const char *(const Status *)>;
using CreateEnv = Entry<3, Status *(int level, const char *name, Env **out)>;
using CreateSession =
    Entry<7, Status *(const Env *, const char *path, const SessionOptions *, Session **out)>;
using Run = Entry<9, Status *(Session *, const RunOptions *, const char *const *input_names,
                              const Value *const *inputs, size_t input_count,
                              const char *const *output_names, size_t output_count,
                              Value **outputs)>;
using CreateSessionOptions = Entry<10, Status *(SessionOptions **out)>;
using DisableMemPattern = Entry<17, Status *(SessionOptions *)>;
using SetSessionLogSeverityLevel = Entry<22, Status *(SessionOptions *, int level)>;
using SetIntraOpNumThreads = Entry<24, Status *(SessionOptions *, int threads)>;
using SetInterOpNumThreads = Entry<25, Status *(SessionOptions *, int threads)>;
using SessionGetInputCount = Entry<30, Status *(const Session *, size_t *out)>;
using SessionGetOutputCount = Entry<31, Status *(const Session *, size_t *out)>;
using SessionGetInputTypeInfo = Entry<33, Status *(const Session *, size_t index, TypeInfo **out)>;
using SessionGetOutputTypeInfo = Entry<34, Status *(const Session *, size_t index, TypeInfo **out)>;
using SessionGetInputName =
    Entry<36, Status *(const Session *, size_t index, Allocator *, char **out)>;
using SessionGetOutputName =
    Entry<37, Status *(const Session *, size_t index, Allocator *, char **out)>;
using CreateRunOptions = Entry<39, Status *(RunOptions **out)>;
using CreateTensorWithDataAsOrtValue =
    Entry<49, Status *(const MemoryInfo *, void *data, size_t bytes, const int64_t *shape,
                       size_t axes, int type, Value **out)>;
using CastTypeInfoToTensorInfo = Entry<55, Status *(const TypeInfo *, const TensorShape **out)>;
using CreateCpuMemoryInfo = Entry<69, Status *(int allocator, int memory, MemoryInfo **out)>;
using AllocatorFree = Entry<76, Status *(Allocator *, void *)>;
using GetAllocatorWithDefaultOptions = Entry<78, Status *(Allocator **out)>;
using ReleaseEnv = Entry<92, void(Env *)>;
using ReleaseMemoryInfo = Entry<94, void(MemoryInfo *)>;
using ReleaseSession = Entry<95, void(Session *)>;
using ReleaseValue = Entry<96, void(Value *)>;
using ReleaseRunOptions = Entry<97, void(RunOptions *)>;
using ReleaseTypeInfo = Entry<98, void(TypeInfo *)>;
using ReleaseSessionOptions = Entry<100, void(SessionOptions *)>;
using GetAvailableProviders = Entry<125, Status *(char ***out, int *count)>;
using ReleaseAvailableProviders = Entry<126, Status *(char **, int count)>;
using AddSessionConfigEntry =
    Entry<130, Status *(SessionOptions *, const char *key, const char *value)>;
using AddRunConfigEntry = Entry<165, Status *(RunOptions *, const char *key, const char *value)>;
using SessionOptionsAppendExecutionProvider =
    Entry<216, Status *(SessionOptions *, const char *name, const char *const *keys,
                        const char *const *values, size_t count)>;
using RegisterCustomOpsLibrary_V2 = Entry<228, Status *(SessionOptions *, const char *path)>;

// From kAssignmentApiVersion on only.
using Session_GetEpGraphAssignmentInfo =
    Entry<407, Status *(const Session *, const AssignedSubgraph *const **out, size_t *count)>;
using EpAssignedSubgraph_GetEpName =
    Entry<408, Status *(const AssignedSubgraph *, const char **out)>;
using EpAssignedSubgraph_GetNodes = Entry<409, Status *(const AssignedSubgraph *,
                                                        const AssignedNode *const **out,
                                                        size_t *count)>;

}  // namespace ort
