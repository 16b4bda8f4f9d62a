using Atoll.Interop.Tests.Cql;

namespace Atoll.Interop.Tests.Kafka;

/// <summary>
/// Clients of Kafka, unchanged, at work while brokers die and links are cut: confluent_kafka, kcat, kafka-python, kafkajs and
/// @platformatic/kafka, each with a numbering producer (where it can) and a group whose members die, and Confluent.Kafka, which works in
/// transactions as kafkajs does. At the end they look at what is there: nothing lost, doubled or out of order. They are in failover.py,
/// clients.js and <see cref="DotNetFailover"/>. All but kcat, which cannot, administer: admin.py, admin.js and
/// <see cref="DotNetAdministrator"/>.
/// </summary>
internal sealed class FailoverClients : IDisposable
{
    private readonly (string Name, DriverProcess Process)[] _programs;
    private readonly (string Name, DriverProcess Process)[] _administrators;
    private readonly TaskCompletionSource _enough = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly DotNetFailover _dotNet;
    private readonly DotNetAdministrator _dotNetAdministrator;
    private readonly Task _dotNetRunning;

    /// <summary>Starts all of them.</summary>
    /// <param name="brokers">The brokers, as clients are told them.</param>
    /// <param name="login">How they come in.</param>
    public FailoverClients(string[] brokers, KafkaLogin login)
    {
        DotNetClient.Load();
        _programs =
        [
            .. Start("/usr/bin/python3", "failover.py", "confluent_kafka", "kcat", "kafka-python"),
            .. Start("node", "clients.js", "kafkajs failover", "platformatic failover"),
        ];
        _administrators =
        [
            .. Start("/usr/bin/python3", "admin.py", "confluent_kafka", "kafka-python"),
            .. Start("node", "admin.js", "kafkajs", "platformatic"),
        ];
        var client = new DotNetClient(string.Join(',', brokers), login);
        _dotNetAdministrator = new DotNetAdministrator(client);
        _dotNet = new DotNetFailover(client);
        _dotNetRunning = Task.Run(() => _dotNet.RunAsync(_enough.Task));

        IEnumerable<(string, DriverProcess)> Start(string program, string script, params string[] scenarios) =>
            scenarios.Select(scenario => (
                $"{script} {scenario}",
                DriverProcess.Start(program, $"Kafka/{script}", [.. scenario.Split(' '), .. brokers], login.Environment)));
    }

    /// <summary>What each of them has to say of its work.</summary>
    public IEnumerable<string> Reports =>
    [
        .. _programs.Select(static program => $"{program.Name}: {string.Join("; ", program.Process.Lines("messages "))}"), $"{_dotNet}",
        .. _administrators.Select(static program => $"{program.Name}: {program.Process.Output.ReplaceLineEndings("; ")}"),
        $"{_dotNetAdministrator}",
    ];

    /// <summary>Waits for all of them; once one fails, for none of the others, which may wait for it.</summary>
    public static async Task AllAsync(params IEnumerable<Task> tasks)
    {
        await foreach (var task in Task.WhenEach(tasks))
        {
            await task;
        }
    }

    /// <summary>Waits until all are at work, and of each group one member has died and another one has come.</summary>
    public Task RunAsync() => AllAsync(
        [.. _programs.Select(static program => program.Process.SaysAsync("running")), _dotNet.ProgressAsync(_dotNetRunning)]);

    /// <summary>Waits until each has written and read more.</summary>
    public Task GoOnAsync() => AllAsync(
        [.. _programs.Select(static program => program.Process.AskAsync("progress?", "progress")), _dotNet.ProgressAsync(_dotNetRunning)]);

    /// <summary>Each administers once: topics and groups of its own.</summary>
    public Task AdministerAsync() => AllAsync(
    [
        .. _administrators.Select(static program => program.Process.AskAsync("round", "administered")), _dotNetAdministrator.RoundAsync(),
    ]);

    /// <summary>Waits until each has read what it wrote, and looked at it.</summary>
    public Task EndAsync()
    {
        _enough.TrySetResult();
        Array.ForEach(_programs, static program => program.Process.EndInput());
        return AllAsync([.. _programs.Select(static program => program.Process.SaysAsync("done")), _dotNetRunning]);
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _enough.TrySetResult(); // also when something has failed: nobody goes on beside the next test
        Array.ForEach([.. _programs, .. _administrators], static program => program.Process.Dispose());
        _dotNetAdministrator.Dispose();
    }
}
