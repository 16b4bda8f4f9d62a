using Atoll.Foundation.World;
using Atoll.Live.Loops;

namespace Atoll.Live.Tests;

/// <summary>What an event loop does, one round at a time on the thread of the test.</summary>
internal sealed class HandDrivenLoop
{
    private LoopItem[] _batch = new LoopItem[64];

    public Mailbox Mailbox { get; } = new();

    public INetworkEvents? Events { get; set; }

    public ILoopPort? Port { get; set; }

    /// <summary>Handles what came, waiting a little for it, and lets go what was gathered.</summary>
    public void Round(int waitMs = 2)
    {
        var count = Mailbox.Take(ref _batch, waitMs);
        for (var i = 0; i < count; i++)
        {
            Handle(_batch[i]);
        }

        Array.Clear(_batch, 0, count);
        Port?.EndBatch();
    }

    private void Handle(LoopItem item)
    {
        switch (item.Kind)
        {
            case LoopItemKind.Message:
                Events!.MessageReceived(item.From, item.Lane, item.Message);
                break;
            case LoopItemKind.LinkUp:
                Events!.LinkUp(item.From.Node, item.Lane);
                break;
            case LoopItemKind.LinkDown:
                Events!.LinkDown(item.From.Node, item.Lane);
                break;
            default:
                ((ILoopCompletion)item.Target!).Complete();
                break;
        }
    }
}
