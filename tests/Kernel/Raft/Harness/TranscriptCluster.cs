using System.Globalization;
using System.Text;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Kernel.Raft;
using Xunit;

namespace Atoll.Kernel.Tests.Raft.Harness;

/// <summary>
/// A cluster that does what the commands of a transcript say, and nothing by itself: no message arrives, no write becomes durable and no
/// time passes unless a command has it so. Transcripts/README.md lists the commands.
/// </summary>
public sealed class TranscriptCluster
{
    private readonly SortedDictionary<NodeId, TestReplica> _replicas = [];
    private readonly Dictionary<(NodeId From, NodeId To), List<RaftMessage>> _queues = [];
    private readonly HashSet<(NodeId, NodeId)> _cut = [];
    private readonly StringBuilder _output = new();
    private Func<RaftOptions, RaftOptions> _options = options => options;
    private bool _isQuiet;

    private Instant _now = Instant.FromMilliseconds(10_000);

    /// <summary>Runs one command and returns what it printed.</summary>
    public string Run(string command)
    {
        _output.Clear();
        var words = command.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        switch (words[0])
        {
            case "options":
                SetOptions(words.AsSpan(1).ToArray());
                break;
            case "node":
                AddNode(words);
                break;
            case "wait":
                _now += Milliseconds(words[1]);
                break;
            case "timeout":
                _now = Instant.Max(_now, Replica(words[1]).Core.NextDeadline);
                Replica(words[1]).Tick(_now);
                break;
            case "tick":
                Replica(words[1]).Tick(_now);
                break;
            case "deliver":
                Deliver(Node(words[1]), Node(words[2]), CountOf(words));
                break;
            case "drop":
                var dropped = Math.Min(Queue(words).Count, CountOf(words));
                Queue(words).RemoveRange(0, dropped);
                Print($"{dropped} dropped");
                break;
            case "double":
                Queue(words).Insert(0, Queue(words)[0]);
                break;
            case "overtake":
                var overtaken = Queue(words)[0];
                Queue(words).RemoveAt(0);
                Queue(words).Add(overtaken);
                break;
            case "inject":
                Replica(words[1]).Step(Node(words[2]), Parse(words.AsSpan(3)), _now);
                break;
            case "disk":
                Replica(words[1]).MakeDurable(long.MaxValue, _now);
                break;
            case "cut":
                _cut.Add((Node(words[1]), Node(words[2])));
                break;
            case "mend":
                _cut.Clear();
                break;
            case "settle":
                Quietly(Settle);
                break;
            case "run":
                Quietly(() => RunFor(Milliseconds(words[1])));
                break;
            case "propose":
                Propose(words);
                break;
            case "read":
                var outcome = ReadOutcome.NotLeader;
                Replica(words[1]).Do(core => outcome = core.RequestRead(ulong.Parse(words[2], CultureInfo.InvariantCulture), _now), _now);
                Print($"{outcome}");
                break;
            case "membership":
                ProposeMembership(words);
                break;
            case "transfer":
                var begun = false;
                Replica(words[1]).Do(core => begun = core.TransferLeadership(Node(words[2]), _now), _now);
                Print(begun ? "begun" : "refused");
                break;
            case "unreachable":
                Replica(words[1]).LinkDown(Node(words[2]), _now);
                break;
            case "wake":
                Replica(words[1]).Do(core => core.Wake(_now), _now);
                break;
            case "compact":
                Replica(words[1]).Compact(new LogIndex(ulong.Parse(words[2], CultureInfo.InvariantCulture)));
                break;
            case "crash":
                Replica(words[1]).Crash();
                foreach (var key in _queues.Keys.Where(key => key.To == Node(words[1])))
                {
                    _queues[key].Clear();
                }

                break;
            case "restart":
                Replica(words[1]).Restart(_now);
                break;
            case "queues":
                foreach (var (key, queue) in _queues.OrderBy(item => item.Key))
                {
                    queue.ForEach(message => Print($"{key.From} -> {key.To} {message}"));
                }

                break;
            case "state":
                foreach (var replica in _replicas.Values)
                {
                    Print(Describe(replica));
                }

                break;
            case "peers":
                foreach (var peer in Replica(words[1]).Core.DescribePeers())
                {
                    Print($"{peer.Node} {(peer.IsVoter ? "voter" : "learner")} {peer.State} match {peer.Match} next {peer.Next}");
                }

                break;
            case "log":
                var log = Replica(words[1]).Disk.Written;
                Print($"after {log.SnapshotIndex}@{log.SnapshotTerm}: {string.Join(", ", log.Entries.Select(TestReplica.Describe))}");
                break;
            default:
                throw new InvalidDataException($"unknown command: {command}");
        }

        return _output.ToString();
    }

    private static Duration Milliseconds(string word) => Duration.FromMilliseconds(long.Parse(word, CultureInfo.InvariantCulture));

    private static int CountOf(string[] words) => words.Length > 3 ? int.Parse(words[3], CultureInfo.InvariantCulture) : int.MaxValue;

    private static NodeId Node(string word) => new(uint.Parse(word, CultureInfo.InvariantCulture));

    private static NodeId[] Nodes(string word) => [.. word.Split(',').Select(Node)];

    private static string Describe(TestReplica replica) => !replica.IsUp
        ? $"{replica.Id} down"
        : $"{replica.Id} {replica.Core.Role}{(replica.Core.IsQuiescent ? " quiescent" : "")} term {replica.Core.Term}"
            + $" leader {replica.Core.Leader} first {replica.Core.FirstIndex} last {replica.Core.LastIndex}"
            + $" durable {replica.Core.DurableIndex} commit {replica.Core.CommitIndex} membership {replica.Core.Membership}";

    private static RaftMessage Parse(ReadOnlySpan<string> words)
    {
        var numbers = new ulong[words.Length];
        for (var i = 1; i < words.Length; i++)
        {
            numbers[i] = ulong.Parse(words[i], CultureInfo.InvariantCulture);
        }

        return words[0] switch
        {
            "Append" => RaftMessage.Append(
                new Term(numbers[1]),
                new LogIndex(numbers[2]),
                new Term(numbers[3]),
                new LogIndex(numbers[4]),
                EntriesAfter(numbers.AsSpan(2))),
            "Vote" => RaftMessage.Vote(new Term(numbers[1]), new LogIndex(numbers[2]), new Term(numbers[3]), isTransfer: false),
            "PreVote" => RaftMessage.PreVote(new Term(numbers[1]), new LogIndex(numbers[2]), new Term(numbers[3])),
            "Heartbeat" => RaftMessage.Heartbeat(new Term(numbers[1]), numbers[2], new LogIndex(numbers[3])),
            _ => throw new InvalidDataException(words[0]),
        };
    }

    // prevIndex, prevTerm, commit, then the terms of the entries.
    private static LogEntry[] EntriesAfter(Span<ulong> numbers)
    {
        var entries = new LogEntry[numbers.Length - 3];
        for (var i = 0; i < entries.Length; i++)
        {
            entries[i] = new LogEntry(new LogIndex(numbers[0] + (ulong)i + 1), new Term(numbers[i + 3]), EntryKind.Empty, default);
        }

        return entries;
    }

    private TestReplica Replica(string word) => _replicas[Node(word)];

    private List<RaftMessage> Queue(string[] words) => Queue(Node(words[1]), Node(words[2]));

    private List<RaftMessage> Queue(NodeId from, NodeId to)
    {
        if (!_queues.TryGetValue((from, to), out var queue))
        {
            _queues[(from, to)] = queue = [];
        }

        return queue;
    }

    private void SetOptions(string[] words)
    {
        var before = _options;
        _options = options =>
        {
            options = before(options);
            foreach (var word in words)
            {
                var (name, value) = word.Split('=') is [var left, var right] ? (left, right) : (word, "1");
                var number = int.Parse(value, CultureInfo.InvariantCulture);
                options = name switch
                {
                    "lease" => options with { LeaseReads = true },
                    "quiesceAfter" => options with { QuiesceAfter = Duration.FromMilliseconds(number) },
                    "appendEntriesMax" => options with { AppendEntriesMax = number },
                    "appendsInFlightMax" => options with { AppendsInFlightMax = number },
                    "unsizedEntriesMax" => options with { UnsizedEntriesMax = number },
                    "promotionLagEntriesMax" => options with { PromotionLagEntriesMax = number },
                    _ => throw new InvalidDataException(word),
                };
            }

            return options;
        };
    }

    // node 1 voters 1,2,3 [learners 4] [term 3] [vote 2] [log 1 1 2 3]: the numbers after "log" are the terms of the entries.
    private void AddNode(string[] words)
    {
        NodeId[] voters = [];
        NodeId[] learners = [];
        var term = 0UL;
        var vote = NodeId.None;
        var log = new ModelLog();
        for (var i = 2; i < words.Length; i += 2)
        {
            switch (words[i])
            {
                case "voters":
                    voters = Nodes(words[i + 1]);
                    break;
                case "learners":
                    learners = Nodes(words[i + 1]);
                    break;
                case "term":
                    term = ulong.Parse(words[i + 1], CultureInfo.InvariantCulture);
                    break;
                case "vote":
                    vote = Node(words[i + 1]);
                    break;
                case "log":
                    log.Append([
                        .. words.Skip(i + 1).Select((word, position) => new LogEntry(
                            new LogIndex((ulong)position + 1),
                            new Term(ulong.Parse(word, CultureInfo.InvariantCulture)),
                            EntryKind.Empty,
                            default)),
                    ]);
                    i = words.Length;
                    break;
            }
        }

        var lastTerm = log.Entries.Count == 0 ? 0 : log.Entries[^1].Term.Value;
        log.HardState = new HardState(new Term(Math.Max(term, lastTerm)), vote);
        log.SnapshotMembership = Membership.Of(voters, learners);
        var id = Node(words[1]);
        var replica = new TestReplica(_options(new RaftOptions { Self = id }), log, new Prng(id.Value), _now) { SnapshotChunkBytes = 16 };
        replica.Send = (to, message) =>
        {
            if (_cut.Contains((id, to)) || (_replicas.TryGetValue(to, out var receiver) && !receiver.IsUp))
            {
                return;
            }

            Queue(id, to).Add(TestReplica.OverTheWire(message));
            PrintDetail($"{id} -> {to} {message}");
        };
        replica.Watch = effect => Report(replica, effect);
        replica.AppliedEntry = entry => PrintDetail($"{id} applies {TestReplica.Describe(entry)}");
        _replicas.Add(id, replica);
    }

    private void Report(TestReplica replica, RaftEffect effect)
    {
        switch (effect.Kind)
        {
            case RaftEffectKind.SaveHardState:
                PrintDetail($"{replica.Id} saves term {effect.Term} vote {effect.Vote}");
                break;
            case RaftEffectKind.AppendEntries:
                PrintDetail($"{replica.Id} appends {RaftMessage.Describe(replica.Core.Effects.EntriesOf(effect))}");
                break;
            case RaftEffectKind.Send when effect.AfterDurable && replica.Disk.DurableSequence < replica.Disk.WrittenSequence:
                PrintDetail($"{replica.Id} will, once durable, -> {effect.Peer} {replica.Core.Effects.MessageOf(effect)}");
                break;
            case RaftEffectKind.SendSnapshot:
                Print($"{replica.Id} sends {effect.Peer} a snapshot of at least {effect.Index}");
                break;
            case RaftEffectKind.Committed:
                Print($"{replica.Id} commits through {effect.Index}");
                break;
            case RaftEffectKind.ReadReady:
                Print($"{replica.Id} read {effect.Context} is ready at {effect.Index}");
                break;
            case RaftEffectKind.ReadFailed:
                Print($"{replica.Id} read {effect.Context} failed");
                break;
            case RaftEffectKind.RoleChanged:
                Print($"{replica.Id} is {effect.Role} in term {effect.Term}, leader {effect.Peer}");
                break;
            case RaftEffectKind.MembershipChanged:
                Print($"{replica.Id} membership {effect.Membership} at {effect.Index}{(effect.IsCommitted ? " committed" : "")}");
                break;
        }
    }

    private void Deliver(NodeId from, NodeId to, int count)
    {
        var queue = Queue(from, to);
        count = Math.Min(count, queue.Count);
        var messages = queue.GetRange(0, count);
        queue.RemoveRange(0, count);
        foreach (var message in messages)
        {
            PrintDetail($"{to} <- {from} {message}");
            if (_replicas.TryGetValue(to, out var replica) && replica.IsUp)
            {
                replica.Step(from, message, _now);
            }
        }
    }

    private void Settle()
    {
        for (var rounds = 0; rounds < 10_000; rounds++)
        {
            var isQuiet = true;
            foreach (var (from, to) in _queues.Keys.Order().ToArray())
            {
                isQuiet &= Queue(from, to).Count == 0;
                Deliver(from, to, int.MaxValue);
            }

            foreach (var replica in _replicas.Values.Where(replica => replica.IsUp))
            {
                isQuiet &= replica.Disk.DurableSequence == replica.Disk.WrittenSequence;
                replica.MakeDurable(long.MaxValue, _now);
            }

            if (isQuiet)
            {
                return;
            }
        }

        Assert.Fail("the cluster does not settle");
    }

    private void RunFor(Duration length)
    {
        var end = _now + length;
        while (true)
        {
            Settle();
            var up = _replicas.Values.Where(replica => replica.IsUp).ToArray();
            var next = up.Min(replica => replica.Senders.Select(sender => sender.NextDeadline).Append(replica.Core.NextDeadline).Min());
            if (next > end)
            {
                _now = end;
                return;
            }

            _now = Instant.Max(_now, next);
            foreach (var replica in up)
            {
                replica.Tick(_now);
            }
        }
    }

    private void Propose(string[] words)
    {
        var proposals = words.Skip(2).Select(word => new Proposal(EntryKind.Command, Encoding.UTF8.GetBytes(word))).ToArray();
        var outcome = ProposalOutcome.NotLeader;
        var first = LogIndex.Zero;
        Replica(words[1]).Do(core => outcome = core.Propose(proposals, _now, out first), _now);
        Print($"{outcome} first {first}");
    }

    private void ProposeMembership(string[] words)
    {
        NodeId[] learners = words.Length > 5 ? Nodes(words[5]) : [];
        var outcome = ProposalOutcome.NotLeader;
        var index = LogIndex.Zero;
        Replica(words[1]).Do(core => outcome = core.ProposeMembership(Membership.Of(Nodes(words[3]), learners), _now, out index), _now);
        Print($"{outcome} at {index}");
    }

    private void Quietly(Action action)
    {
        _isQuiet = true;
        action();
        _isQuiet = false;
    }

    private void PrintDetail(string line)
    {
        if (!_isQuiet)
        {
            Print(line);
        }
    }

    private void Print(string line) => _output.Append(line).Append('\n');
}
