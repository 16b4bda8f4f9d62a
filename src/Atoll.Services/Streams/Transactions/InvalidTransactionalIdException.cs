using Atoll.Services.Errors;
using Atoll.StateMachines.Transactions;

namespace Atoll.Services.Streams.Transactions;

#pragma warning disable CA1032 // it always says the same

/// <summary>There may not be such a transactional id.</summary>
public sealed class InvalidTransactionalIdException() : AtollException(
    ErrorCode.Invalid, $"a transactional id is not empty, and has at most {TransactionLimits.IdBytesMax} bytes of UTF-8");

#pragma warning restore CA1032
