using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Eventual;
using Atoll.StateMachines.Groups;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Requests;
using Atoll.StateMachines.Rows;
using Atoll.StateMachines.Streams;
using Atoll.StateMachines.Transactions;

namespace Atoll.StateMachines.Inspection;

/// <summary>A command entry of a log, taken apart as far as it can be: for tools.</summary>
/// <param name="Kind">What the command is, in words.</param>
/// <param name="Stamp">The leader's time when it took it.</param>
/// <param name="Identity">Who asked, or none.</param>
/// <param name="Operations">The operations on records; empty for other commands.</param>
public sealed record LoggedCommand(string Kind, HybridTime Stamp, RequestIdentity Identity, IReadOnlyList<RecordOperation> Operations)
{
    /// <summary>Takes a payload apart; null when it is no command of this version.</summary>
    /// <param name="shard">Whose log it is in: the directory has commands of its own.</param>
    /// <param name="payload">The entry's payload.</param>
    public static LoggedCommand? TryRead(ShardId shard, ReadOnlyMemory<byte> payload)
    {
        if (!CommandEnvelope.TryRead(payload, out var envelope))
        {
            return null;
        }

        if (shard == ShardId.Directory)
        {
            var kind = envelope.Command.IsEmpty ? default : (DirectoryCommandKind)envelope.Command.Span[0];
            return Enum.IsDefined(kind) ? new LoggedCommand($"directory {kind}", envelope.Stamp, envelope.Identity, []) : null;
        }

        if (Enum.IsDefined(RowsCommand.KindOf(envelope.Command.Span)))
        {
            return new LoggedCommand($"rows {RowsCommand.KindOf(envelope.Command.Span)}", envelope.Stamp, envelope.Identity, []);
        }

        if (Enum.IsDefined(EventualCommand.KindOf(envelope.Command.Span)))
        {
            return new LoggedCommand(
                $"eventual {EventualCommand.KindOf(envelope.Command.Span)}", envelope.Stamp, envelope.Identity, []);
        }

        if (Enum.IsDefined(PartitionCommand.KindOf(envelope.Command.Span)))
        {
            return new LoggedCommand(
                $"partition {PartitionCommand.KindOf(envelope.Command.Span)}", envelope.Stamp, envelope.Identity, []);
        }

        if (Enum.IsDefined(GroupCommand.KindOf(envelope.Command.Span)))
        {
            return new LoggedCommand($"group {GroupCommand.KindOf(envelope.Command.Span)}", envelope.Stamp, envelope.Identity, []);
        }

        if (Enum.IsDefined(TransactionCommand.KindOf(envelope.Command.Span)))
        {
            return new LoggedCommand(
                $"transaction {TransactionCommand.KindOf(envelope.Command.Span)}", envelope.Stamp, envelope.Identity, []);
        }

        return RecordsCommand.TryParse(envelope.Command, out var records, out var operations)
            ? new LoggedCommand(records.ToString(), envelope.Stamp, envelope.Identity, operations)
            : null;
    }
}
