using Atoll.Services.Errors;

namespace Atoll.Services.Streams;

#pragma warning disable CA1032 // an Atoll error always has a code: the standard constructors would make ones without

/// <summary>The number of replicas is not possible.</summary>
public sealed class InvalidReplicasException(string message) : AtollException(ErrorCode.Invalid, message);

/// <summary>The number of partitions is not possible.</summary>
public sealed class InvalidPartitionsException(string message) : AtollException(ErrorCode.Invalid, message);

/// <summary>Settings of a topic do not fit together.</summary>
public sealed class InvalidSettingsException(string message) : AtollException(ErrorCode.Invalid, message);

/// <summary>A topic that is compacted by key does not take records without one.</summary>
public sealed class MissingKeyException(string topic)
    : AtollException(ErrorCode.Invalid, $"topic \"{topic}\" is compacted by key (cleanup.policy): each record needs one");

#pragma warning restore CA1032
