using System.CommandLine;
using System.Globalization;
using System.Text;
using Atoll.Foundation.Time;
using Atoll.Gateways.Http;
using Atoll.Node.Requests;
using Atoll.Output;
using Atoll.Services.Records;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Eventual;

namespace Atoll.Commands;

/// <summary><c>atoll put|get|delete|add|change</c>.</summary>
internal sealed class RecordCommands
{
    private readonly ClientOptions _client;
    private readonly Option<string> _space = SpaceOption();
    private readonly Argument<string> _key = new("key") { Description = "The key, as text" };
    private readonly Option<bool> _base64 = new("--base64")
    {
        Description = "The key (and a value on the command line) is given as base64",
    };
    private readonly Option<string?> _consistency = ConsistencyOption();
    private readonly Option<string?> _context = new("--context")
    {
        Description = "Spaces that keep siblings: what 'get' printed as the context; exactly what it answered is replaced",
        HelpName = "CONTEXT",
    };
    private readonly Option<string?> _ifVersion = new("--if-version")
    {
        Description = "Only if the record has this version; 0: only if there is none",
        HelpName = "VERSION",
    };

    private RecordCommands(ClientOptions client) => _client = client;

    public static IEnumerable<Command> Create(ClientOptions client)
    {
        yield return new RecordCommands(client).Put();
        yield return new RecordCommands(client).Get();
        yield return new RecordCommands(client).Delete();
        yield return new RecordCommands(client).Add();
        yield return new RecordCommands(client).Change();
    }

    public static Option<string> SpaceOption() => new("--space", "-s") { Description = "The space", HelpName = "NAME", Required = true };

    public static Option<string?> ReadLevelOption() => new("--read")
    {
        Description = "How fresh: linearizable (default), any, or a staleness such as 500ms",
        HelpName = "LEVEL",
    };

    public static Option<string?> ConsistencyOption()
    {
        var option = new Option<string?>("--consistency")
        {
            Description = "Eventual spaces: how many replicas take part, as ONE, QUORUM (default), ALL, LOCAL_QUORUM or SERIAL",
            HelpName = "LEVEL",
        };
        return option;
    }

    public static RequestConsistency? Consistency(ParseResult parsed, Option<string?> option) => parsed.GetValue(option) switch
    {
        null => null,
        var text => ConsistencyText.TryParse(text, out var consistency)
            ? consistency
            : throw new CommandException($"\"{text}\" is not a consistency level; there are {ConsistencyText.Names}"),
    };

    public static ReadOptions ReadOptions(ParseResult parsed, Option<string?> option, Option<string?> consistency) =>
        ReadOptions(parsed, option) with { Consistency = Consistency(parsed, consistency) };

    public static ReadOptions ReadOptions(ParseResult parsed, Option<string?> option) => parsed.GetValue(option) switch
    {
        null or "linearizable" => default,
        "any" => new ReadOptions { Level = ReadLevel.Any },
        var text => DurationText.TryParse(text, out var staleness)
            ? new ReadOptions { Level = ReadLevel.Bounded, MaxStaleness = staleness }
            : throw new CommandException($"--read is linearizable, any, or a duration such as 500ms; not \"{text}\""),
    };

    public static byte[] Bytes(string text, bool isBase64)
    {
        if (!isBase64)
        {
            return Encoding.UTF8.GetBytes(text);
        }

        try
        {
            return Convert.FromBase64String(text);
        }
        catch (FormatException)
        {
            throw new CommandException($"\"{text}\" is not base64");
        }
    }

    private Command Put()
    {
        var value = new Argument<string?>("value")
        {
            Description = "The value, as text; absent or '-': the standard input",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var file = new Option<FileInfo?>("--file", "-f") { Description = "Take the value from this file", HelpName = "FILE" };
        var timeToLive = new Option<string?>("--ttl")
        {
            Description = "How long the record lives, such as 30s or 7d", HelpName = "DURATION",
        };
        var command = new Command("put", "Write a record; prints its version")
        {
            _key, value, _space, file, timeToLive, _ifVersion, _context, _consistency, _base64,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            var bytes = await ValueAsync(parsed.GetValue(value), parsed.GetValue(file), parsed.GetValue(_base64), cancellation)
                .ConfigureAwait(false);
            var options = new WriteOptions
            {
                TimeToLive = ClientOptions.Duration(parsed, timeToLive), Consistency = Consistency(parsed, _consistency),
                Context = Context(parsed),
            };
            await using var atoll = _client.Connect(parsed);
            var records = atoll.Records(parsed.GetRequiredValue(_space));
            var key = Bytes(parsed.GetRequiredValue(_key), parsed.GetValue(_base64));
            if (Expected(parsed) is { } expected)
            {
                return Report(parsed, await records.CompareAndSetAsync(key, expected, bytes, options, cancellation).ConfigureAwait(false));
            }

            var version = await records.PutAsync(key, bytes, options, cancellation).ConfigureAwait(false);
            return Report(parsed, new ConditionalOutcome(true, version, 0));
        });
        return command;
    }

    private Command Get()
    {
        var read = ReadLevelOption();
        var command = new Command("get", "Read a record; prints its value as it is") { _key, _space, read, _consistency, _base64 };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var atoll = _client.Connect(parsed);
            var key = Bytes(parsed.GetRequiredValue(_key), parsed.GetValue(_base64));
            var records = atoll.Records(parsed.GetRequiredValue(_space));
            var options = ReadOptions(parsed, read, _consistency);
            var printer = _client.Printer(parsed);
            if (await records.ConflictsAsync(cancellation).ConfigureAwait(false) == ConflictRule.Siblings)
            {
                return Report(printer, key, await records.GetSiblingsAsync(key, options, cancellation).ConfigureAwait(false));
            }

            var found = await records.GetAsync(key, options, cancellation).ConfigureAwait(false);
            if (found is not { } record)
            {
                throw NotFound(key);
            }

            if (printer.IsJson)
            {
                printer.RawJson(writer => RecordJson.Write(writer, record, keysOnly: false));
                return ExitCode.Ok;
            }

            if (record.Elements is not { } elements)
            {
                PrintValue(printer, record.Value);
                return ExitCode.Ok;
            }

            foreach (var element in elements)
            {
                printer.Line(Readable(element));
            }

            return ExitCode.Ok;
        });
        return command;
    }

    public static string Readable(RecordElement element) => element.Value.IsEmpty
        ? Printer.Readable(element.Name.Span) : $"{Printer.Readable(element.Name.Span)}={Printer.Readable(element.Value.Span)}";

    // One value as it is, several as a list; the context where it does not get into the value.
    private static int Report(Printer printer, byte[] key, RecordSiblings siblings)
    {
        if (printer.IsJson)
        {
            printer.RawJson(writer => RecordJson.Write(writer, siblings, key));
            return siblings.Values.Any() ? ExitCode.Ok : ExitCode.NotFound;
        }

        if (!siblings.Context.IsEmpty)
        {
            Console.Error.WriteLine($"context {RecordJson.Context(siblings)}");
        }

        if (!siblings.Values.Any())
        {
            throw NotFound(key);
        }

        if (siblings.Siblings is [var only])
        {
            PrintValue(printer, only.Value);
            return ExitCode.Ok;
        }

        foreach (var sibling in siblings.Siblings)
        {
            var what = sibling.IsDeletion ? "deleted" : Printer.Readable(sibling.Value.Span);
            printer.Line($"{RecordJson.Version(sibling.Version)} {what}");
        }

        return ExitCode.Ok;
    }

    private static void PrintValue(Printer printer, ReadOnlyMemory<byte> value)
    {
        printer.Bytes(value.Span);
        if (!Console.IsOutputRedirected)
        {
            printer.Bytes("\n"u8);
        }
    }

    private static CommandException NotFound(byte[] key) =>
        new(ExitCode.NotFound, $"there is no record with the key {Printer.Readable(key)}");

    private Command Add()
    {
        var delta = new Argument<long>("delta") { Description = "What is added, such as 5; behind -- also -5" };
        var command = new Command("add", "Add to a record of a space of counters") { _key, delta, _space, _consistency, _base64 };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var atoll = _client.Connect(parsed);
            var key = Bytes(parsed.GetRequiredValue(_key), parsed.GetValue(_base64));
            var options = new WriteOptions { Consistency = Consistency(parsed, _consistency) };
            await atoll.Records(parsed.GetRequiredValue(_space))
                .AddAsync(key, parsed.GetValue(delta), options, cancellation).ConfigureAwait(false);
            _client.Printer(parsed).Result("added", writer => writer.WriteBoolean("added", true));
            return ExitCode.Ok;
        });
        return command;
    }

    private Command Change()
    {
        var puts = new Option<string[]>("--put", "-p")
        {
            Description = "An element that is put there; in a map with what is under it (NAME:VALUE if they are base64)",
            HelpName = "NAME[=VALUE]",
        };
        var removals = new Option<string[]>("--remove", "-x") { Description = "An element that is removed", HelpName = "NAME" };
        var timeToLive = new Option<string?>("--ttl")
        {
            Description = "How long what is put lives, such as 30s or 7d", HelpName = "DURATION",
        };
        var command = new Command("change", "Change elements of a set or a map; prints their version")
        {
            _key, _space, puts, removals, timeToLive, _consistency, _base64,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            var isBase64 = parsed.GetValue(_base64);
            await using var atoll = _client.Connect(parsed);
            var records = atoll.Records(parsed.GetRequiredValue(_space));
            var isMap = await records.ConflictsAsync(cancellation).ConfigureAwait(false) == ConflictRule.Maps;
            var changes = (parsed.GetValue(puts) ?? []).Select(text => Put(text, isMap, isBase64))
                .Concat((parsed.GetValue(removals) ?? []).Select(name => ElementChange.Remove(Bytes(name, isBase64))));
            var options = new WriteOptions
            {
                TimeToLive = ClientOptions.Duration(parsed, timeToLive), Consistency = Consistency(parsed, _consistency),
            };
            var key = Bytes(parsed.GetRequiredValue(_key), isBase64);
            var version = await records.ChangeAsync(key, [.. changes], options, cancellation).ConfigureAwait(false);
            return Report(parsed, new ConditionalOutcome(true, version, 0));
        });
        return command;
    }

    // A set's elements may have '=' in them, and so may what is under a map's key; and base64 may end in it.
    private static ElementChange Put(string text, bool isMap, bool isBase64)
    {
        if (!isMap)
        {
            return ElementChange.Put(Bytes(text, isBase64));
        }

        var end = isBase64 ? text.IndexOf(':', StringComparison.Ordinal) : text.IndexOf('=', StringComparison.Ordinal);
        return end < 0
            ? throw new CommandException($"in a map an element is put as NAME{(isBase64 ? ':' : '=')}VALUE, not as \"{text}\"")
            : ElementChange.Put(Bytes(text[..end], isBase64), Bytes(text[(end + 1)..], isBase64));
    }

    private Command Delete()
    {
        var command = new Command("delete", "Delete a record") { _key, _space, _ifVersion, _context, _consistency, _base64 };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var atoll = _client.Connect(parsed);
            var records = atoll.Records(parsed.GetRequiredValue(_space));
            var key = Bytes(parsed.GetRequiredValue(_key), parsed.GetValue(_base64));
            var options = new WriteOptions { Consistency = Consistency(parsed, _consistency), Context = Context(parsed) };
            if (Expected(parsed) is { } expected)
            {
                return Report(parsed, await records.CompareAndDeleteAsync(key, expected, options, cancellation).ConfigureAwait(false));
            }

            var existed = await records.DeleteAsync(key, options, cancellation).ConfigureAwait(false);
            _client.Printer(parsed).Result(existed ? "deleted" : "there was no such record", writer =>
                writer.WriteBoolean("deleted", existed));
            return existed ? ExitCode.Ok : ExitCode.NotFound;
        });
        return command;
    }

    private byte[] Context(ParseResult parsed) => RecordJson.TryReadContext(parsed.GetValue(_context) ?? "", out var context)
        ? context : throw new CommandException("--context must be a context as get prints it");

    private HybridTime? Expected(ParseResult parsed) => parsed.GetValue(_ifVersion) switch
    {
        null => null,
        var text => ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var version)
            ? new HybridTime(version)
            : throw new CommandException($"--if-version must be a version as put and get --json print it, not \"{text}\""),
    };

    private int Report(ParseResult parsed, ConditionalOutcome outcome)
    {
        var version = RecordJson.Version(outcome.Version);
        _client.Printer(parsed).Result(
            outcome.Succeeded ? version
                : outcome.Version == HybridTime.Zero ? "conflict: there is no such record" : $"conflict: the record has version {version}",
            writer =>
            {
                writer.WriteBoolean("done", outcome.Succeeded);
                writer.WriteString(outcome.Succeeded ? "version" : "currentVersion", version);
            });
        return outcome.Succeeded ? ExitCode.Ok : ExitCode.Conflict;
    }

    private static async Task<byte[]> ValueAsync(string? argument, FileInfo? file, bool isBase64, CancellationToken cancellation)
    {
        if (file is not null)
        {
            try
            {
                return await File.ReadAllBytesAsync(file.FullName, cancellation).ConfigureAwait(false);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                throw new CommandException($"{file} cannot be read: {error.Message}");
            }
        }

        if (argument is not null && argument != "-")
        {
            return Bytes(argument, isBase64);
        }

        using var buffer = new MemoryStream();
        await using var input = Console.OpenStandardInput();
        await input.CopyToAsync(buffer, cancellation).ConfigureAwait(false);
        return buffer.ToArray();
    }
}
