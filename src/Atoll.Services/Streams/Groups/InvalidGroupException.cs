using Atoll.Services.Errors;
using Atoll.StateMachines.Groups;

namespace Atoll.Services.Streams.Groups;

#pragma warning disable CA1032 // it always says the same

/// <summary>A group may not have this name.</summary>
public sealed class InvalidGroupException() : AtollException(
    ErrorCode.Invalid, $"the name of a group is not empty, and has at most {GroupLimits.GroupIdBytesMax} bytes of UTF-8");

#pragma warning restore CA1032
