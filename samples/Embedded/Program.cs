using Atoll.Client;
using Atoll.Client.Hosting;
using Atoll.Services;
using Atoll.Services.Records;
using Atoll.StateMachines.Directory;

// A web application that is its own database: PUT and GET /notes/anything. Start it again, and the notes are still there.
var builder = WebApplication.CreateBuilder(args);
builder.Services.AddAtoll(atoll => atoll.Embedded = new EmbeddedNodeOptions { DataFolder = "notes-data" });
var app = builder.Build();
app.MapPut("/notes/{key}", async (string key, HttpRequest request, IAtollClient atoll) =>
    await atoll.Records("notes").PutTextAsync(key, await new StreamReader(request.Body).ReadToEndAsync()));
app.MapGet("/notes/{key}", async (string key, IAtollClient atoll) =>
    await atoll.Records("notes").GetTextAsync(key) is { } note ? Results.Text(note) : Results.NotFound());
await app.StartAsync();
await app.Services.GetRequiredService<IAtollClient>().Spaces.CreateAsync(new SpaceOptions("notes", Replicas: 1));
await app.WaitForShutdownAsync();
