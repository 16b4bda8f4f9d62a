using Atoll.Foundation;
using Atoll.Foundation.Logs;
using Atoll.StateMachines;
using Atoll.StateMachines.Snapshots;
using Atoll.Storage.Snapshots;

namespace Atoll.Node.Replicas;

/// <summary>Reads a snapshot file into a state, piece by piece; the state changes only at the end, when all of it was good.</summary>
internal static class SnapshotLoader
{
    /// <summary>Loads; <paramref name="done"/> gets null, or why the state is as it was. Nothing may be applied to it meanwhile.</summary>
    public static void Load(
        SnapshotReader reader, ReplicatedState state, LogIndex index, ReadOnlyMemory<byte> note, Action<RecoveryFailure?> done)
    {
        var target = state.BeginRestore(index, note);
        var buffer = new byte[Limits.SnapshotChunkBytes];
        Next(0);

        void Next(long offset)
        {
            if (offset == reader.Snapshot.ContentBytes)
            {
                target.Finish(why => done(why is null ? null : new RecoveryFailure(why, target.IsOutOfSpace)));
                return;
            }

            reader.Read(offset, buffer, read =>
            {
                if (read.Status != SnapshotStatus.Ok || read.Bytes == 0)
                {
                    GiveUp(target, $"the snapshot cannot be read: {read.Describe()}", done);
                }
                else if (!target.Accept(buffer.AsMemory(0, read.Bytes)))
                {
                    GiveUp(target, target.Error ?? "the snapshot was refused", done);
                }
                else
                {
                    target.WhenDrained(() => Next(offset + read.Bytes));
                }
            });
        }
    }

    private static void GiveUp(ISnapshotTarget target, string why, Action<RecoveryFailure?> done)
    {
        target.Abandon();
        done(why);
    }
}
