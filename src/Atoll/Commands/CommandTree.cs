using System.CommandLine;

namespace Atoll.Commands;

/// <summary>All commands.</summary>
public static class CommandTree
{
    /// <summary>The root command with everything below it.</summary>
    public static RootCommand Create()
    {
        var client = new ClientOptions();
        var root = new RootCommand(
            """
            Atoll: a distributed system in one program; many machines that look like one.

            Begin with:  atoll up          and in another terminal
                         atoll space create demo
                         atoll put --space demo hello world
                         atoll get --space demo hello

            Exit codes: 0 done; 1 failed; 2 wrong usage; 3 a condition did not hold; 4 not found; 5 unavailable or overloaded, may be
            tried again; 6 the outcome of a write is unknown; 7 refused; 8 no valid access token, or a certificate that is not
            trusted; 9 a bar was missed; 14 a data folder is damaged; 130 interrupted.
            """);
        foreach (var option in client.All)
        {
            root.Options.Add(option);
        }

        root.Subcommands.Add(UpCommand.Create(client));
        root.Subcommands.Add(NodeCommand.Create(client));
        root.Subcommands.Add(SpaceCommands.Create(client));
        foreach (var command in RecordCommands.Create(client).Concat(StreamCommands.Create(client)))
        {
            root.Subcommands.Add(command);
        }

        root.Subcommands.Add(TopicCommands.Create(client));
        root.Subcommands.Add(GroupCommands.Create(client));
        root.Subcommands.Add(SubscriptionCommands.Create(client));
        root.Subcommands.Add(QuotaCommands.Create(client));
        root.Subcommands.Add(FeedCommands.Create(client));
        root.Subcommands.Add(ImportCommand.Create(client));
        root.Subcommands.Add(ExportCommand.Create(client));
        root.Subcommands.Add(BackupCommand.Create(client));
        root.Subcommands.Add(RestoreCommand.Create(client));
        root.Subcommands.Add(StatusCommand.Create(client));
        root.Subcommands.Add(StatusCommand.CreateTransferLeader(client));
        root.Subcommands.Add(NodeCommands.CreateMove(client));
        root.Subcommands.Add(NodeCommands.CreateRetire(client));
        root.Subcommands.Add(NodeCommands.CreateRemove(client));
        root.Subcommands.Add(StorageCommands.Create(client));
        root.Subcommands.Add(BenchCommand.Create(client));
        root.Subcommands.Add(SimCommand.Create(client));
        root.Subcommands.Add(CompletionsCommand.Create());
        return root;
    }
}
