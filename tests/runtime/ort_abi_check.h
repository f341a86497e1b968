// Compares what ort_abi.h and ort_session_abi.h declare with the official onnxruntime_c_api.h.
#pragma once

#include <cstddef>
#include <type_traits>

#include "onnxruntime_c_api.h"
#include "ort_abi.h"

// Ours and theirs are passed alike: the same type, or an opaque struct that stands for theirs, or an
// int for an enum of its size, or pointers to such, or functions of such.
template <class Ours, class Theirs>
struct Same
    : std::bool_constant<std::is_same_v<Ours, Theirs> ||
                         (std::is_same_v<Ours, int> && std::is_enum_v<Theirs> &&
                          sizeof(int) == sizeof(Theirs))> {};

template <class Ours, class Theirs>
struct Same<const Ours, const Theirs> : Same<Ours, Theirs> {};
template <class Ours, class Theirs>
struct Same<Ours *, Theirs *> : Same<Ours, Theirs> {};
template <class R, class... A, class S, class... B>
struct Same<R(A...), S(B...)> : std::false_type {};
template <class R, class S, class... A, class... B>
  requires(sizeof...(A) == sizeof...(B))
struct Same<R(A...), S(B...)> : std::bool_constant<(Same<R, S>::value && ... && Same<A, B>::value)> {
};
template <class R, class... A, class S, class... B>
struct Same<R(A...), S(B...) noexcept> : Same<R(A...), S(B...)> {};

#define CDFI_STANDS_FOR(ours, theirs) \
  template <>                         \
  struct Same<ort::ours, theirs> : std::true_type {}
CDFI_STANDS_FOR(Status, OrtStatus);
CDFI_STANDS_FOR(Value, OrtValue);
CDFI_STANDS_FOR(SessionOptions, OrtSessionOptions);
CDFI_STANDS_FOR(CustomOpDomain, OrtCustomOpDomain);
CDFI_STANDS_FOR(KernelInfo, OrtKernelInfo);
CDFI_STANDS_FOR(KernelContext, OrtKernelContext);
CDFI_STANDS_FOR(TensorShape, OrtTensorTypeAndShapeInfo);
CDFI_STANDS_FOR(CustomOp, OrtCustomOp);
CDFI_STANDS_FOR(Api, OrtApi);
CDFI_STANDS_FOR(Env, OrtEnv);
CDFI_STANDS_FOR(Session, OrtSession);
CDFI_STANDS_FOR(RunOptions, OrtRunOptions);
CDFI_STANDS_FOR(Allocator, OrtAllocator);
CDFI_STANDS_FOR(MemoryInfo, OrtMemoryInfo);
CDFI_STANDS_FOR(TypeInfo, OrtTypeInfo);
CDFI_STANDS_FOR(AssignedSubgraph, OrtEpAssignedSubgraph);
CDFI_STANDS_FOR(AssignedNode, OrtEpAssignedNode);

template <class>
struct Parts;
template <size_t Position, class Type>
struct Parts<ort::Entry<Position, Type>> {
  static constexpr size_t position = Position;
  using Function = Type;
};

#define CDFI_CHECK_ENTRY(name)                                                                   \
  static_assert(offsetof(OrtApi, name) == Parts<ort::name>::position * sizeof(void (*)()),      \
                "position of " #name);                                                          \
  static_assert(Same<Parts<ort::name>::Function *, decltype(OrtApi::name)>::value, "type of " #name)

#define CDFI_CHECK_MEMBER(ours, theirs, our_name, their_name)                                    \
  static_assert(offsetof(ort::ours, our_name) == offsetof(theirs, their_name),                  \
                "position of " #their_name);                                                    \
  static_assert(Same<decltype(ort::ours::our_name), decltype(theirs::their_name)>::value,       \
                "type of " #their_name)
