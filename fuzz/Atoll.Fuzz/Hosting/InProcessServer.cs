using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http.Features;

namespace Atoll.Fuzz.Hosting;

/// <summary>A server without sockets: requests are handed to the application as features, on the caller's thread.</summary>
internal sealed class InProcessServer : IServer
{
    private Func<IFeatureCollection, Task>? _serve;

    /// <inheritdoc />
    public IFeatureCollection Features { get; } = new FeatureCollection();

    /// <summary>Handles one request.</summary>
    public Task ServeAsync(IFeatureCollection request) => _serve!(request);

    /// <inheritdoc />
    public Task StartAsync<TContext>(IHttpApplication<TContext> application, CancellationToken cancellationToken)
        where TContext : notnull
    {
        _serve = async request =>
        {
            var context = application.CreateContext(request);
            try
            {
                await application.ProcessRequestAsync(context);
                await request.GetRequiredFeature<IHttpResponseBodyFeature>().CompleteAsync();
            }
            finally
            {
                application.DisposeContext(context, null);
            }
        };
        return Task.CompletedTask;
    }

    /// <inheritdoc />
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc />
    public void Dispose()
    {
    }
}
