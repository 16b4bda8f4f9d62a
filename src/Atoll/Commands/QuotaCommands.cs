using System.CommandLine;
using System.Globalization;
using Atoll.Gateways.Http;
using Atoll.Output;
using Atoll.Services.Streams.Quotas;
using Spectre.Console;

namespace Atoll.Commands;

/// <summary><c>atoll quota list|set|delete</c>.</summary>
internal static class QuotaCommands
{
    public static Command Create(ClientOptions client)
    {
        var command = new Command("quota", "Bound what clients of the Kafka protocol may do on each node: list, set and delete quotas");
        command.Subcommands.Add(ListCommand(client));
        command.Subcommands.Add(SetCommand(client));
        command.Subcommands.Add(DeleteCommand(client));
        return command;
    }

    private static Option<string?> ClientOption() => new("--client-id", "-c")
    {
        Description = "The client, as it calls itself. Default: all that have no such quota of their own", HelpName = "ID",
    };

    private static Command ListCommand(ClientOptions client)
    {
        var command = new Command("list", "List all quotas");
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var atoll = client.Connect(parsed);
            var quotas = await atoll.Quotas.ReadAsync(cancellation).ConfigureAwait(false);
            var printer = client.Printer(parsed);
            var table = new Table().Border(TableBorder.Simple).AddColumns("client", "quotas");
            var all = quotas.Clients.Select(static pair => (Id: (string?)pair.Key, Quota: pair.Value));
            foreach (var (id, quota) in quotas.Default.IsNone ? all : all.Prepend((null, quotas.Default)))
            {
                if (printer.IsJson)
                {
                    printer.Json(writer =>
                    {
                        writer.WriteString("clientId", id);
                        QuotaJson.Write(writer, quota);
                    });
                }

                table.AddRow(Markup.Escape(id ?? "(all others)"), Markup.Escape(Words(quota)));
            }

            if (!printer.IsJson)
            {
                printer.Tables.Write(table);
            }

            return ExitCode.Ok;
        });
        return command;
    }

    private static Command SetCommand(ClientOptions client)
    {
        var id = ClientOption();
        var settings = new Argument<string[]>("quotas")
        {
            Description = $"NAME=NUMBER a second on each node; NAME= for none: {string.Join(", ", ClientQuota.Names)}",
            Arity = ArgumentArity.OneOrMore,
        };
        var command = new Command("set", "Set quotas of a client, or of all others; those that are not named stay") { settings, id };
        command.SetAction(async (parsed, cancellation) =>
        {
            var clientId = parsed.GetValue(id);
            var wanted = parsed.GetRequiredValue(settings).Select(Read)
                .GroupBy(static pair => pair.Name, StringComparer.Ordinal)
                .ToDictionary(static group => group.Key, static group => group.Last().Rate);
            await using var atoll = client.Connect(parsed);
            var quota = (await atoll.Quotas.SetAsync(clientId, wanted, cancellation).ConfigureAwait(false)).SetFor(clientId);
            client.Printer(parsed).Result(
                $"{clientId ?? "(all others)"}: {(quota.IsNone ? "no quotas" : Words(quota))}", writer => QuotaJson.Write(writer, quota));
            return ExitCode.Ok;
        });
        return command;
    }

    private static Command DeleteCommand(ClientOptions client)
    {
        var id = ClientOption();
        var command = new Command("delete", "Delete all quotas of a client, or those of all others") { id };
        command.SetAction(async (parsed, cancellation) =>
        {
            var clientId = parsed.GetValue(id);
            await using var atoll = client.Connect(parsed);
            var deleted = await atoll.Quotas.DeleteAsync(clientId, cancellation).ConfigureAwait(false);
            client.Printer(parsed).Result(
                $"{clientId ?? "(all others)"}: {(deleted ? "no quotas any more" : "there were no quotas")}",
                writer => writer.WriteBoolean("deleted", deleted));
            return deleted ? ExitCode.Ok : ExitCode.NotFound;
        });
        return command;
    }

    private static string Words(ClientQuota quota) => string.Join(", ", quota.Chosen.Select(static pair => $"{pair.Key}={pair.Value}"));

    private static (string Name, long? Rate) Read(string setting)
    {
        var at = setting.IndexOf('=', StringComparison.Ordinal);
        var (name, number) = at < 0 ? (setting, "?") : (setting[..at], setting[(at + 1)..]);
        return number.Length == 0 ? (name, null)
            : long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var rate) ? (name, rate)
            : throw new CommandException($"{setting}: NAME=NUMBER is needed, or NAME= for none");
    }
}
