using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.World;
using Atoll.StateMachines.Groups;

namespace Atoll.Simulation.Workloads.Streams;

/// <summary>
/// What is promised of a group's members: generations count up and are over when a later one has begun; each has one protocol and one
/// assignment, in which nobody owns what another one does; an id is given once, and who left or was replaced is refused. (Committed offsets
/// are judged as registers, by the history.)
/// </summary>
/// <param name="name">The group.</param>
/// <param name="partitions">How many partitions its members share.</param>
/// <param name="faults">What has gone wrong so far.</param>
internal sealed class GroupChecker(string name, int partitions, FaultLedger faults)
{
    private static readonly Probe BegunAnew = Probe.Define("simulation: a group that was forgotten begins anew");

    private readonly SortedDictionary<int, string> _protocols = [];
    private readonly SortedDictionary<int, long> _assigned = [];
    private readonly SortedDictionary<(int Generation, int Partition), string> _owners = [];
    private readonly SortedDictionary<string, string?> _ids = new(StringComparer.Ordinal);
    private readonly HashSet<string> _gone = new(StringComparer.Ordinal);
    private long _lastProposal;
    private bool _hasCommitted;

    /// <summary>The group's name.</summary>
    public string Name => name;

    /// <summary>The latest generation that anybody was told of: an earlier one is over.</summary>
    public int Generation { get; private set; }

    /// <summary>Members that somebody was told are none any more.</summary>
    public IReadOnlySet<string> Gone => _gone;

    /// <summary>The ids that a static member was given so far: over, once it is given another one.</summary>
    public string[] IdsOf(string? instance) =>
        instance is null ? [] : [.. _ids.Where(pair => pair.Value == instance).Select(static pair => pair.Key)];

    /// <summary>A client that had none was given an id.</summary>
    /// <param name="id">The id.</param>
    /// <param name="instance">The static id that it came with, or null.</param>
    /// <param name="former">What that one was given before it asked.</param>
    public void NewMember(string id, string? instance, string[] former)
    {
        if (!_ids.TryAdd(id, instance))
        {
            Fail($"the id {id} was given twice");
        }

        _gone.UnionWith(former);
    }

    /// <summary>Somebody was told that an offset is committed: from then on the group is not forgotten.</summary>
    public void Committed() => _hasCommitted = true;

    /// <summary>A member has left.</summary>
    public void Left(string id) => _gone.Add(id);

    /// <summary>
    /// A member was told of a generation. Who leads it may change when it is about to end and its leader leaves; nobody can assign then.
    /// </summary>
    /// <param name="joined">What it was told.</param>
    /// <param name="floor">The latest generation that anybody had been told of when it asked.</param>
    public void Begun(GroupJoined joined, int floor)
    {
        // A group without members and offsets is forgotten after ten minutes, and a clock that jumps makes them short: it begins anew.
        if (joined.Generation == 1 && floor > 1 && !_hasCommitted && faults[FaultKind.WallClockJumped] > 0)
        {
            BegunAnew.Hit();
            _protocols.Clear();
            _assigned.Clear();
            _owners.Clear();
            (Generation, floor) = (0, 0);
        }

        CheckCurrent(joined.Generation, floor, "a member was told of");
        if (!_protocols.TryAdd(joined.Generation, joined.Protocol) && _protocols[joined.Generation] != joined.Protocol)
        {
            Fail($"generation {joined.Generation} has the protocols {_protocols[joined.Generation]} and {joined.Protocol}");
        }
    }

    /// <summary>The leader of a generation makes an assignment: each partition to one member.</summary>
    public IReadOnlyList<MemberAssignment> Assign(GroupJoined joined)
    {
        var proposal = ++_lastProposal;
        return
        [
            .. joined.Members.Select((member, position) =>
            {
                var writer = new WireWriter();
                writer.WriteVarint((ulong)joined.Generation);
                writer.WriteVarint((ulong)proposal);
                for (var partition = position; partition < partitions; partition += joined.Members.Count)
                {
                    writer.WriteVarint((ulong)partition);
                }

                return new MemberAssignment(member.Identity.MemberId, writer.ToArray());
            }),
        ];
    }

    /// <summary>A member was told what it owns.</summary>
    /// <param name="generation">In which generation.</param>
    /// <param name="owner">The member; of a static one, its static id, as it may start anew.</param>
    /// <param name="assignment">What it was told.</param>
    /// <param name="floor">The latest generation that anybody had been told of when it asked.</param>
    /// <returns>The partitions.</returns>
    public int[] Assigned(int generation, string owner, ReadOnlyMemory<byte> assignment, int floor)
    {
        CheckCurrent(generation, floor, "a member was told what it owns in");
        if (assignment.IsEmpty)
        {
            return []; // its leader did not know of it
        }

        var reader = new WireReader(assignment);
        var (of, proposal) = ((int)reader.ReadVarint(), (long)reader.ReadVarint());
        if (of != generation)
        {
            Fail($"{owner} was told in generation {generation} what was assigned in {of}");
        }

        if (!_assigned.TryAdd(generation, proposal) && _assigned[generation] != proposal)
        {
            Fail($"generation {generation} has the assignments {_assigned[generation]} and {proposal}");
        }

        var owned = new List<int>();
        while (reader.Remaining > 0 && reader.Ok)
        {
            var partition = (int)reader.ReadVarint();
            owned.Add(partition);
            if (!_owners.TryAdd((generation, partition), owner) && _owners[(generation, partition)] != owner)
            {
                Fail($"in generation {generation} partition {partition} is owned by {_owners[(generation, partition)]} and by {owner}");
            }
        }

        return [.. owned];
    }

    /// <summary>A member was told that it is one, or that its commit was accepted.</summary>
    /// <param name="what">What was accepted, for people.</param>
    /// <param name="identity">The member.</param>
    /// <param name="generation">Its generation.</param>
    /// <param name="floor">The latest generation that anybody had been told of when it asked.</param>
    /// <param name="wasGone">Whether somebody had been told by then that it is none any more.</param>
    public void Accepted(string what, MemberIdentity identity, int generation, int floor, bool wasGone)
    {
        if (wasGone)
        {
            Fail($"{what} of {identity.MemberId} was accepted, which had left or been replaced");
        }

        CheckCurrent(generation, floor, $"{what} of {identity.MemberId} was accepted in");
    }

    private void CheckCurrent(int generation, int floor, string what)
    {
        if (generation < floor)
        {
            Fail($"{what} generation {generation}, when generation {floor} had begun");
        }

        Generation = Math.Max(Generation, generation);
    }

    [System.Diagnostics.CodeAnalysis.DoesNotReturn]
    private void Fail(string what) => throw new SafetyViolationException($"group {name}: {what}");
}
