using System.Text;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Kernel.Raft;
using Xunit;

namespace Atoll.Kernel.Tests.Raft.Harness;

/// <summary>
/// A host for one core, as small as the contract allows: a model of a disk, a state machine that remembers what it applied, and snapshots
/// of that. What it does with each effect is the contract of docs/raft.md in code.
/// </summary>
public sealed class TestReplica
{
    private readonly Queue<(long Sequence, NodeId To, RaftMessage Message)> _afterDurable = new();
    private readonly Queue<(long Sequence, LogIndex Index, Term Term)> _reports = new();
    private readonly SortedDictionary<NodeId, SnapshotSender> _senders = [];
    private readonly SnapshotReceiver _receiver = new();
    private readonly Prng _random;
    private byte[] _received = [];
    private (LogIndex Index, Term Term, Membership Membership, long Sequence)? _installing;
    private (LogIndex Index, List<string> State) _restored;

    public TestReplica(RaftOptions options, ModelLog log, Prng random, Instant now)
    {
        Options = options;
        Disk = new ModelDisk(log);
        _random = random;
        Core = NewCore(now);
    }

    public RaftOptions Options { get; }

    public ModelDisk Disk { get; }

    public RaftCore Core { get; private set; }

    public NodeId Id => Options.Self;

    public bool IsUp { get; private set; } = true;

    /// <summary>The state machine: every entry that was applied, as "index@term payload".</summary>
    public List<string> State { get; private set; } = [];

    public LogIndex Applied { get; private set; }

    public int SnapshotChunkBytes { get; init; } = 64;

    /// <summary>Takes what leaves this replica.</summary>
    public Action<NodeId, RaftMessage> Send { get; set; } = (_, _) => { };

    /// <summary>Sees every effect, before it is carried out.</summary>
    public Action<RaftEffect> Watch { get; set; } = _ => { };

    /// <summary>Sees every entry that was appended.</summary>
    public Action<LogEntry> Appended { get; set; } = _ => { };

    /// <summary>Sees every entry that is applied, as "index@term payload".</summary>
    public Action<LogEntry> AppliedEntry { get; set; } = _ => { };

    public IEnumerable<SnapshotSender> Senders => _senders.Values;

    /// <summary>What was on the disk each time before it was lost.</summary>
    public List<ModelLog> LostLogs { get; } = [];

    public static string Describe(LogEntry entry) =>
        entry.Kind switch
        {
            EntryKind.Empty => $"{entry.Index}@{entry.Term}",
            EntryKind.Membership when Membership.TryDecode(entry.Payload, out var membership) =>
                $"{entry.Index}@{entry.Term} {membership}",
            _ => $"{entry.Index}@{entry.Term} {Encoding.UTF8.GetString(entry.Payload.Span)}",
        };

    /// <summary>Does something with the core and carries out what it wants.</summary>
    public void Do(Action<RaftCore> action, Instant now)
    {
        action(Core);
        Drain(now);
    }

    public void Tick(Instant now)
    {
        Do(core => core.Tick(now), now);
        foreach (var (peer, sender) in _senders.ToArray())
        {
            sender.Tick(now);
            Pump(peer, sender, now);
        }

        Drain(now);
    }

    public void Step(NodeId from, RaftMessage message, Instant now) => Do(core => core.Step(from, message, now), now);

    /// <summary>So many more writes are durable.</summary>
    public void MakeDurable(long writes, Instant now)
    {
        Disk.MakeDurable(writes);
        while (_reports.TryPeek(out var report) && report.Sequence <= Disk.DurableSequence)
        {
            _reports.Dequeue();
            Core.LogDurable(report.Index, report.Term, now);
        }

        if (_installing is { } install && install.Sequence <= Disk.DurableSequence)
        {
            _installing = null;
            State = [.. _restored.State];
            Applied = _restored.Index;
            Core.SnapshotInstalled(install.Index, install.Term, install.Membership, now);
            _receiver.Reset();
        }

        SendWhatIsDue();
        Drain(now);
    }

    /// <summary>Snapshots the state machine and drops the log before it.</summary>
    public void Compact(LogIndex through)
    {
        if (through <= Disk.Written.SnapshotIndex || through > Applied || _installing is not null)
        {
            return;
        }

        var membership = Core.MembershipAt(through);
        var state = State.Take(State.FindLastIndex(line => IndexOf(line) <= through.Value) + 1).ToList();
        Disk.Write(log => log.Compact(through, membership, state));
        Core.Compacted(through);
    }

    public void Crash()
    {
        IsUp = false;
        Disk.Crash();
        _afterDurable.Clear();
        _reports.Clear();
        _senders.Clear();
        _receiver.Reset();
        _installing = null;
    }

    public void Restart(Instant now)
    {
        IsUp = true;
        Core = NewCore(now);
    }

    public void LinkDown(NodeId peer, Instant now)
    {
        if (_senders.TryGetValue(peer, out var sender))
        {
            sender.Lost();
        }

        Do(core => core.PeerUnreachable(peer, now), now);
    }

    private static ulong IndexOf(string line) => ulong.Parse(line.AsSpan(0, line.IndexOf('@')));

    private RaftCore NewCore(Instant now)
    {
        var log = Disk.Durable;
        State = [.. log.SnapshotState];
        Applied = log.SnapshotIndex;
        var runs = new List<(LogIndex, Term)>();
        var memberships = new List<(LogIndex, Membership)>();
        var before = Term.Zero;
        foreach (var entry in log.Entries)
        {
            if (entry.Term != before)
            {
                runs.Add((entry.Index, entry.Term));
                before = entry.Term;
            }

            if (entry.Kind == EntryKind.Membership)
            {
                Assert.True(Membership.TryDecode(entry.Payload, out var membership));
                memberships.Add((entry.Index, membership));
            }
        }

        return new RaftCore(
            Options,
            new RaftRestoredState(
                log.HardState, log.SnapshotIndex, log.SnapshotTerm, log.SnapshotMembership, runs, log.LastIndex, memberships, Applied,
                log.IsRebuilding),
            _random.Fork(),
            now);
    }

    private void Drain(Instant now)
    {
        for (var i = 0; i < Core.Effects.Count; i++)
        {
            var effect = Core.Effects[i];
            Watch(effect);
            Carry(effect, now);
        }

        Core.Effects.Clear();
    }

    private void Carry(RaftEffect effect, Instant now)
    {
        switch (effect.Kind)
        {
            case RaftEffectKind.SaveHardState:
                var hardState = effect.HardState;
                Disk.Write(log => log.HardState = hardState);
                break;
            case RaftEffectKind.AppendEntries:
                var entries = Core.Effects.EntriesOf(effect).ToArray();
                Disk.Write(log => log.Append(entries));
                Array.ForEach(entries, Appended);
                _reports.Enqueue((Disk.WrittenSequence, entries[^1].Index, entries[^1].Term));
                break;
            case RaftEffectKind.Send:
                var message = Core.Effects.MessageOf(effect);
                if (effect.AfterDurable && Disk.DurableSequence < Disk.WrittenSequence)
                {
                    _afterDurable.Enqueue((Disk.WrittenSequence, effect.Peer, message));
                }
                else
                {
                    Send(effect.Peer, message);
                }

                break;
            case RaftEffectKind.SendEntries:
                SendEntries(effect);
                break;
            case RaftEffectKind.SendSnapshot:
                var snapshot = Disk.Written;
                Assert.True(snapshot.SnapshotIndex >= effect.Index);
                var sender = new SnapshotSender(
                    snapshot.SnapshotIndex, snapshot.SnapshotTerm, SnapshotBytes(snapshot).Length, now, SnapshotChunkBytes, 2);
                _senders[effect.Peer] = sender;
                Pump(effect.Peer, sender, now);
                break;
            case RaftEffectKind.SnapshotReplyReceived:
                if (_senders.TryGetValue(effect.Peer, out var sending))
                {
                    sending.OnReply(Core.Effects.MessageOf(effect), now);
                    Pump(effect.Peer, sending, now);
                }

                break;
            case RaftEffectKind.SnapshotChunkReceived:
                Receive(effect.Peer, Core.Effects.MessageOf(effect), now);
                break;
            case RaftEffectKind.Committed:
                while (Applied < effect.Index)
                {
                    Applied = Applied.Next;
                    var entry = Disk.Written[Applied];
                    State.Add(Describe(entry));
                    AppliedEntry(entry);
                }

                break;
            case RaftEffectKind.Rebuilt:
                Disk.Write(log => log.IsRebuilding = false);
                break;
            case RaftEffectKind.RoleChanged when effect.Role != Role.Leader:
                _senders.Clear();
                break;
        }
    }

    private void SendEntries(RaftEffect effect)
    {
        var entries = new List<LogEntry>();
        for (var index = effect.First; index <= effect.Last; index = index.Next)
        {
            entries.Add(Disk.Written[index]);
        }

        Send(effect.Peer, RaftMessage.Append(effect.Term, effect.PrevIndex, effect.PrevTerm, effect.Commit, entries.ToArray()));
    }

    private void SendWhatIsDue()
    {
        while (_afterDurable.TryPeek(out var waiting) && waiting.Sequence <= Disk.DurableSequence)
        {
            _afterDurable.Dequeue();
            Send(waiting.To, waiting.Message);
        }
    }

    private static byte[] SnapshotBytes(ModelLog log) => Encoding.UTF8.GetBytes(string.Join('\n', log.SnapshotState));

    private void Pump(NodeId peer, SnapshotSender sender, Instant now)
    {
        var log = Disk.Written;
        if (sender.State == SnapshotSendState.Sending && sender.Index != log.SnapshotIndex)
        {
            // The snapshot was replaced by a newer one: start over with that.
            _senders[peer] = sender = new SnapshotSender(
                log.SnapshotIndex, log.SnapshotTerm, SnapshotBytes(log).Length, now, SnapshotChunkBytes, 2);
        }

        var bytes = SnapshotBytes(log);
        while (sender.TryNext(now, out var offset, out var length))
        {
            Send(peer, RaftMessage.SnapshotChunk(
                Core.Term, sender.Index, sender.Term, log.SnapshotMembership, offset, bytes.Length, bytes.AsMemory((int)offset, length)));
        }

        if (sender.State != SnapshotSendState.Sending)
        {
            _senders.Remove(peer);
            Core.SnapshotSent(peer, sender.State == SnapshotSendState.Done, now);
        }
    }

    private void Receive(NodeId from, RaftMessage chunk, Instant now)
    {
        var verdict = _receiver.Accept(from, chunk);
        switch (verdict)
        {
            case SnapshotChunkVerdict.Begin:
            case SnapshotChunkVerdict.BeginAndComplete:
                _received = chunk.Bytes.ToArray();
                break;
            case SnapshotChunkVerdict.Write:
            case SnapshotChunkVerdict.Complete:
                _received = [.. _received, .. chunk.Bytes.Span];
                break;
            case SnapshotChunkVerdict.Ignore:
                return;
        }

        if (verdict is not (SnapshotChunkVerdict.Complete or SnapshotChunkVerdict.BeginAndComplete))
        {
            Send(from, RaftMessage.SnapshotReply(Core.Term, chunk.Index, _receiver.NextOffset, SnapshotStatus.Wanted));
            return;
        }

        if (!Core.TryBeginSnapshotInstall(chunk.Index, chunk.LogTerm, now))
        {
            _receiver.Reset();
            return;
        }

        var text = Encoding.UTF8.GetString(_received);
        var state = text.Length == 0 ? [] : text.Split('\n').ToList();
        var (index, term, membership) = (chunk.Index, chunk.LogTerm, chunk.Membership!);
        Disk.Write(log => log.Reset(index, term, membership, [.. state]));
        _restored = (index, state);
        _installing = (index, term, membership, Disk.WrittenSequence);
    }

    /// <summary>What a message looks like after its journey.</summary>
    public static RaftMessage OverTheWire(RaftMessage message)
    {
        var writer = new WireWriter();
        RaftMessageCodec.Write(writer, message);
        var reader = new WireReader(writer.ToArray());
        Assert.True(RaftMessageCodec.TryRead(ref reader, out var arrived));
        return arrived;
    }
}
