namespace Atoll.Foundation.Checks;

/// <summary>
/// Bugs that are planted on purpose, each one that has lost somebody's data: with one of them in place, the simulator's checkers must
/// find it, or they prove nothing (docs/museum.md). Only simulation sets it; it cannot be reached from any configuration, and without it
/// nothing here has an effect. Rows are those of the museum.
/// </summary>
[Flags]
internal enum Sabotage : long
{
    /// <summary>No bug: everything but a simulation of one.</summary>
    None = 0,

    /// <summary>A majority may lack one member.</summary>
    QuorumLacksOne = 1 << 0,

    /// <summary>Row 1: a follower acknowledges what its disk has not confirmed.</summary>
    AcknowledgesBeforeDurable = 1 << 1,

    /// <summary>Row 2: a vote is told before it is on disk.</summary>
    VotesBeforeDurable = 1 << 2,

    /// <summary>Row 3: an entry of an older term is committed because a majority holds it.</summary>
    CountsOlderTerms = 1 << 3,

    /// <summary>Row 8: voters are replaced in one step, without a joint membership.</summary>
    ChangesVotersInOneStep = 1 << 4,

    /// <summary>Row 9: a restart forgets the changes of membership that are in the log, so that who was removed takes part again.</summary>
    ForgetsRemoval = 1 << 5,

    /// <summary>Row 10: a leader answers reads without asking whether it still leads.</summary>
    ReadsUnconfirmed = 1 << 6,

    /// <summary>Row 11: a lease is taken for good as long as a leader may go on unheard, not as long as the others keep still.</summary>
    LeaseTooLong = 1 << 7,

    /// <summary>Row 12: a snapshot names an applied index that is behind the state in it.</summary>
    AppliedIndexApart = 1 << 8,

    /// <summary>Row 13: a leader counts itself for entries that its own disk has not confirmed.</summary>
    CountsItselfBeforeDurable = 1 << 9,

    /// <summary>Row 14: a learner becomes a voter whatever it lacks.</summary>
    PromotesAnyLearner = 1 << 10,

    /// <summary>Row 15: no pre-vote, no protection of a leader that is heard, no check-quorum.</summary>
    DisturbedByAnyone = 1 << 11,

    /// <summary>Row 16: a follower cuts its log at whatever an append says.</summary>
    CutsAtAnyAppend = 1 << 12,

    /// <summary>Row 17: the first change behind the place where a watch resumes is left out.</summary>
    WatchSkipsOne = 1 << 13,

    /// <summary>Row 17: the last change before the place where a watch resumes is told again.</summary>
    WatchRepeatsOne = 1 << 14,

    /// <summary>Rows 18 and 20: expected versions are not compared.</summary>
    IgnoresExpectedVersions = 1 << 15,

    /// <summary>Row 19: a retried request is applied like a new one.</summary>
    ForgetsAnswers = 1 << 16,

    /// <summary>Row 44: the state's time is that of the replica's own clock, not the log's.</summary>
    StateReadsClock = 1 << 17,

    /// <summary>Row 41: a shard takes any number of writes at once and refuses none.</summary>
    NeverOverloaded = 1 << 18,

    /// <summary>Row 19: an answer is forgotten when it is old, but a retry that is as old is taken for a new request.</summary>
    TakesExpiredForNew = 1 << 19,

    /// <summary>Row 12: the records are made durable without the answers that were given to their writers.</summary>
    PersistsNoAnswers = 1 << 20,

    /// <summary>Rows 5 and 6: a replica that lost its log votes before it has it back.</summary>
    RebuildingVotes = 1 << 21,

    /// <summary>Row 23: a write without a timestamp gets the shard's own, whatever the cells have that it shall replace.</summary>
    LosesToFastClocks = 1 << 22,

    /// <summary>Row 24: a deletion of many rows is forgotten in its time, although some of them are still there.</summary>
    ForgetsDeletions = 1 << 23,

    /// <summary>Eventual spaces: a write is acknowledged when one replica fewer has it than its level asks for.</summary>
    WriteLacksOne = 1L << 24,

    /// <summary>Row 1, eventual spaces: a replica says that it has a write before its log has it.</summary>
    ReplicaAcknowledgesBeforeDurable = 1L << 25,

    /// <summary>Row 24, eventual spaces: deletions are forgotten when they are old, whoever has not heard of them.</summary>
    DropsDeletionsByAge = 1L << 26,

    /// <summary>Row 26: a conditional write does not look at what others have accepted and may have decided.</summary>
    OverlooksAccepted = 1L << 27,

    /// <summary>Row 27: the clocks of two coordinators may give one time.</summary>
    StampsCollide = 1L << 28,

    /// <summary>Row 28: a replica keeps what came last, a late hint, say, and not what was written last.</summary>
    LastArrivalWins = 1L << 29,

    /// <summary>Where replicas differ, what one of them has is answered, and not what they know together.</summary>
    AnswersOneVersion = 1L << 30,

    /// <summary>A hint counts as delivered when its replica is back, and is not sent.</summary>
    DropsHints = 1L << 31,

    /// <summary>An exchange of two replicas finds nothing in which they differ.</summary>
    ExchangesFindNothing = 1L << 32,

    /// <summary>Row 5: where the snapshot cannot be read, the log behind it is taken for the whole state.</summary>
    OverlooksLostState = 1L << 33,

    /// <summary>Row 37: what a disk that is nearly full has no room for waits, and nobody is told.</summary>
    WaitsForRoom = 1L << 34,

    /// <summary>Row 40: a journal whose disk was full does not find out that there is room again.</summary>
    StaysFull = 1L << 35,

    /// <summary>Streams: a numbered batch that comes again is appended again.</summary>
    ForgetsSequences = 1L << 36,

    /// <summary>Streams: a replica that starts knows no producers any more.</summary>
    ForgetsProducers = 1L << 37,

    /// <summary>Streams: a replica that starts has what was deleted from the beginning of its first segment.</summary>
    ForgetsLogStart = 1L << 38,

    /// <summary>Row 35: a member commits in a generation that is over.</summary>
    AcceptsFormerGenerations = 1L << 39,

    /// <summary>Row 33: a coordinator that starts from a snapshot has no committed offsets.</summary>
    ForgetsOffsets = 1L << 40,

    /// <summary>Row 30: a follower's log is as good as the leader's when it is as long, of whatever term its end is.</summary>
    ComparesLengthsOnly = 1L << 41,

    /// <summary>Rows 31 and 32: a partition takes a batch of a transaction that is over, and has one open that nobody ends.</summary>
    TakesLateBatches = 1L << 42,

    /// <summary>Row 32: a transaction whose producer has gone stays open, however long.</summary>
    LetsTransactionsLast = 1L << 43,

    /// <summary>Transactions: a marker that was under way for long ends the transaction that is open by then.</summary>
    TakesLateMarkers = 1L << 44,

    /// <summary>Transactions: a partition does not tell its readers what was aborted.</summary>
    ForgetsAborted = 1L << 45,

    /// <summary>Transactions: offsets are committed whether their transaction is or not.</summary>
    CommitsAbortedOffsets = 1L << 46,

    /// <summary>Transactions: a coordinator takes what a producer asks for that was replaced.</summary>
    FencesNobody = 1L << 47,

    /// <summary>Compaction: the last record of a key goes, too.</summary>
    LosesLastOfKey = 1L << 48,

    /// <summary>Compaction: what was aborted becomes nobody's like what was committed, and is read.</summary>
    RevivesAborted = 1L << 49,

    /// <summary>Compaction: tombstones go with what they hide, whoever has still to hear of it.</summary>
    DropsTombstonesEarly = 1L << 50,
}

/// <summary>Asks for a planted bug.</summary>
internal static class SabotageExtensions
{
    /// <summary>Whether the bug is in place.</summary>
    internal static bool Has(this Sabotage planted, Sabotage bug) => (planted & bug) != 0;
}
