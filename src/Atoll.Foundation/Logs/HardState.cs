using Atoll.Foundation.Identity;

namespace Atoll.Foundation.Logs;

/// <summary>
/// What a replica must never forget of its elections: it is on disk before any message that depends on it leaves
/// (dissertation, figure 3.1 "persistent state").
/// </summary>
/// <param name="Term">The latest term that the replica has seen.</param>
/// <param name="Vote">Whom it voted for in that term; <see cref="NodeId.None"/> for nobody yet.</param>
public readonly record struct HardState(Term Term, NodeId Vote);
