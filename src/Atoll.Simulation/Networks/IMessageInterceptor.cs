using Atoll.Foundation.World;

namespace Atoll.Simulation.Networks;

/// <summary>
/// Stands between the nodes of a scenario and sees every message: to lose chosen ones, or to plant a bug that the checkers must find (a
/// vote forged, an acknowledgement made up). Production code knows nothing of it.
/// </summary>
public interface IMessageInterceptor
{
    /// <summary>Whether something goes on to the receiver: the message, or what was put in its place.</summary>
    /// <param name="from">The sender.</param>
    /// <param name="to">The receiver.</param>
    /// <param name="lane">The connection.</param>
    /// <param name="message">The message; may be replaced, not changed in place.</param>
    bool Passes(LoopAddress from, LoopAddress to, Lane lane, ref ReadOnlyMemory<byte> message);
}
