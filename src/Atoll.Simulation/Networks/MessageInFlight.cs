using Atoll.Foundation.World;
using Atoll.Simulation.World;

namespace Atoll.Simulation.Networks;

/// <summary>A message on its way; pooled. Its bytes are not: they belong to the receiver.</summary>
internal sealed class MessageInFlight(SimNetwork network) : ISimEventTarget
{
    public LoopAddress From { get; set; }

    public LoopAddress To { get; set; }

    public Lane Lane { get; set; }

    public ReadOnlyMemory<byte> Bytes { get; set; }

    public void Run(in SimEvent happening)
    {
        var receiver = network.EndpointAt(To);
        if (receiver is not null && receiver.Loop.IsAlive && receiver.Loop.Withholds(network.Scheduler, this, happening))
        {
            return;
        }

        var (from, lane, bytes) = (From, Lane, Bytes);
        Bytes = default;
        network.GiveBack(this);
        if (receiver is null || !receiver.Loop.IsAlive)
        {
            return;
        }

        // A link that was cut while the message was on it takes the message along.
        if (network.IsCut(from.Node, receiver.Loop.Address.Node))
        {
            network.CountFault(FaultKind.MessageCutOff);
            return;
        }

        network.MessagesDelivered++;
        receiver.Events!.MessageReceived(from, lane, bytes);
        receiver.Loop.Delivered();
    }
}
