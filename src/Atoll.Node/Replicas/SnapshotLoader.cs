using Atoll.Foundation;
using Atoll.Foundation.Logs;
using Atoll.StateMachines;
using Atoll.Storage.Snapshots;

namespace Atoll.Node.Replicas;

/// <summary>Reads a snapshot file into a state, piece by piece; the state changes only at the end, when all of it was good.</summary>
internal static class SnapshotLoader
{
    /// <summary>Loads; <paramref name="done"/> gets null, or why the state is as it was.</summary>
    public static void Load(SnapshotReader reader, ReplicatedState state, LogIndex index, Action<string?> done)
    {
        var target = state.BeginRestore(index);
        var buffer = new byte[Limits.SnapshotChunkBytes];
        Next(0);

        void Next(long offset)
        {
            if (offset == reader.Snapshot.ContentBytes)
            {
                done(target.Finish() ? null : target.Error ?? "the snapshot is not complete");
                return;
            }

            reader.Read(offset, buffer, read =>
            {
                if (read.Status != SnapshotStatus.Ok || read.Bytes == 0)
                {
                    done($"the snapshot cannot be read: {read.Describe()}");
                }
                else if (!target.Accept(buffer.AsMemory(0, read.Bytes)))
                {
                    done(target.Error ?? "the snapshot was refused");
                }
                else
                {
                    Next(offset + read.Bytes);
                }
            });
        }
    }
}
