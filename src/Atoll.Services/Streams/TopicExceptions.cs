using Atoll.Services.Errors;

namespace Atoll.Services.Streams;

#pragma warning disable CA1032 // an Atoll error always has a code: the standard constructors would make ones without

/// <summary>The number of replicas is not possible.</summary>
public sealed class InvalidReplicasException(string message) : AtollException(ErrorCode.Invalid, message);

/// <summary>The number of partitions is not possible.</summary>
public sealed class InvalidPartitionsException(string message) : AtollException(ErrorCode.Invalid, message);

#pragma warning restore CA1032
