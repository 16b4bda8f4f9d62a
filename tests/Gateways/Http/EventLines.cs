using System.Text.Json;

namespace Atoll.Gateways.Tests.Http;

/// <summary>An event as a browser would hand it over.</summary>
/// <param name="Name">Its name; "message" when it had none.</param>
/// <param name="Id">The last id that there was.</param>
/// <param name="Data">What it says.</param>
internal sealed record ServerSentEvent(string Name, string Id, JsonElement Data);

/// <summary>Reads a stream of server-sent events by the rules of browsers; comments are kept apart.</summary>
internal sealed class EventLines(HttpResponseMessage response) : IDisposable
{
    /// <summary>Generous: reached only when something is wrong, however busy the machine is.</summary>
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private readonly StreamReader _lines = new(response.Content.ReadAsStream());
    private string _id = "";

    /// <summary>Comments since the last event.</summary>
    public List<string> Comments { get; } = [];

    public static async Task<EventLines> OpenAsync(HttpClient http, string target, string? lastEventId = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, target);
        if (lastEventId is not null)
        {
            request.Headers.Add("Last-Event-ID", lastEventId);
        }

        var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        if (!response.IsSuccessStatusCode)
        {
            throw new HttpRequestException(await response.Content.ReadAsStringAsync(), null, response.StatusCode);
        }

        return new EventLines(response);
    }

    /// <summary>The next event; null at the end of the stream.</summary>
    public async Task<ServerSentEvent?> NextAsync()
    {
        Comments.Clear();
        string name = "message", data = "";
        while (await _lines.ReadLineAsync().WaitAsync(Deadline) is { } line)
        {
            if (line.Length == 0 && data.Length > 0)
            {
                return new ServerSentEvent(name, _id, JsonDocument.Parse(data).RootElement);
            }

            name = line.StartsWith("event: ", StringComparison.Ordinal) ? line[7..] : name;
            data = line.StartsWith("data: ", StringComparison.Ordinal) ? line[6..] : data;
            _id = line.StartsWith("id: ", StringComparison.Ordinal) ? line[4..] : _id;
            if (line.StartsWith(':'))
            {
                Comments.Add(line);
            }
        }

        return null;
    }

    /// <summary>The next record's value.</summary>
    public async Task<string> NextValueAsync()
    {
        var next = await NextAsync() ?? throw new EndOfStreamException("the stream has ended");
        return next.Name == "message" ? next.Data.GetProperty("value").GetString()!
            : throw new InvalidOperationException($"{next.Name}: {next.Data}");
    }

    public void Dispose()
    {
        _lines.Dispose();
        response.Dispose();
    }
}
