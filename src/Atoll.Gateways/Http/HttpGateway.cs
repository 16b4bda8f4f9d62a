using System.Text;
using Atoll.Gateways.Metrics;
using Atoll.Services;
using Atoll.Services.Calls;
using Atoll.Services.Errors;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Atoll.Gateways.Http;

/// <summary>The HTTP/JSON gateway: routes, access, errors, health and metrics, over a client of the cluster.</summary>
public static partial class HttpGateway
{
    /// <summary>Registers what <see cref="UseAtollHttp"/> needs beside an <see cref="IAtollClient"/>.</summary>
    public static IServiceCollection AddAtollHttp(this IServiceCollection services)
    {
        services.AddRouting();
        services.AddOpenApi("v1", options => options.AddDocumentTransformer((document, _, _) =>
        {
            document.Info.Title = "Atoll";
            document.Info.Version = "v1";
            document.Info.Description = "Records and topics of an Atoll cluster. Errors are RFC 9457 problem details with a code.";
            return Task.CompletedTask;
        }));
        services.AddSingleton<PrometheusText>();
        return services;
    }

    /// <summary>Puts the gateway into a pipeline.</summary>
    public static WebApplication UseAtollHttp(this WebApplication application, HttpGatewayOptions options)
    {
        var client = application.Services.GetRequiredService<IAtollClient>();
        var clock = application.Services.GetService<ServerClock>() ?? new ServerClock(TimeProvider.System);
        var metrics = application.Services.GetRequiredService<PrometheusText>();
        var logger = application.Services.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(HttpGateway));

        application.Use((context, next) => HttpTracing.DescribeAsync(context, inner => GuardAsync(inner, next, logger), options.Node));
        application.Use((context, next) => options.Tokens.AreRequired && !IsOpen(context.Request.Path) && !IsAllowed(context, options)
            ? Problems.WriteAsync(context, new UnauthenticatedException("a valid access token is needed: Authorization: Bearer TOKEN"))
            : next(context));
        application.Use(RecordTarget.RewriteAsync);
        application.UseRouting();

        new RecordEndpoints(client, clock).Map(application);
        new StreamEndpoints(client).Map(application);
        new SpaceEndpoints(client).Map(application);
        new TopicEndpoints(client, clock, options.Time).Map(application);
        new SubscriptionEndpoints(client).Map(application);
        new QuotaEndpoints(client).Map(application);
        new FeedEndpoints(client).Map(application);
        new EventEndpoints(client, options, application.Lifetime.ApplicationStopping).Map(application);
        new ClusterEndpoints(client).Map(application);
        application.MapOpenApi("/openapi.json");
        application.MapGet("/health/live", (Delegate)((HttpContext context) => context.Response.WriteAsync("live\n")))
            .WithSummary("Whether the process runs").WithTags("health");
        application.MapGet("/health/ready", (Delegate)((HttpContext context) => ReadyAsync(context, options)))
            .WithSummary("Whether the node can serve").WithTags("health");
        application.MapGet("/metrics", (Delegate)((HttpContext context) =>
        {
            context.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
            return context.Response.WriteAsync(metrics.Collect());
        })).WithSummary("Metrics in Prometheus' text format").WithTags("health");
        return application;
    }

    private static async Task ReadyAsync(HttpContext context, HttpGatewayOptions options)
    {
        var problem = await options.Readiness(context.RequestAborted).ConfigureAwait(false);
        if (problem is null)
        {
            await context.Response.WriteAsync("ready\n").ConfigureAwait(false);
            return;
        }

        await Problems.WriteAsync(context, new UnavailableException(problem)).ConfigureAwait(false);
    }

    /// <summary>Turns every way in which a request can fail into problem details.</summary>
    private static async Task GuardAsync(HttpContext context, RequestDelegate next, ILogger logger)
    {
        try
        {
            await next(context).ConfigureAwait(false);
        }
        catch (AtollException error) when (!context.Response.HasStarted)
        {
            Reset(context);
            await Problems.WriteAsync(context, error).ConfigureAwait(false);
            return;
        }
        catch (BadHttpRequestException error) when (!context.Response.HasStarted)
        {
            Reset(context);
            var code = error.StatusCode == StatusCodes.Status413PayloadTooLarge ? "tooLarge" : "invalid";
            await Problems.WriteAsync(context, error.StatusCode, code, error.Message, isRetryable: false).ConfigureAwait(false);
            return;
        }
        catch (Exception error) when (context.RequestAborted.IsCancellationRequested
            && error is OperationCanceledException or IOException or EndOfStreamException)
        {
            return; // the client has gone
        }
        catch (Exception error) when (!context.Response.HasStarted)
        {
            LogFailed(logger, context.Request.Method, context.Request.Path, error);
            Reset(context);
            await Problems.WriteAsync(
                context, StatusCodes.Status500InternalServerError, "internal", "the gateway failed; its log says more", isRetryable: false)
                .ConfigureAwait(false);
            return;
        }

        if (!context.Response.HasStarted && context.Response.ContentLength is null && context.Response.ContentType is null
            && context.Response.StatusCode is >= 400 and var status)
        {
            var (code, detail) = status switch
            {
                StatusCodes.Status404NotFound => ("noSuchPath", "there is nothing at this path; /openapi.json lists what there is"),
                StatusCodes.Status405MethodNotAllowed => ("methodNotAllowed", $"this path does not take {context.Request.Method}"),
                StatusCodes.Status415UnsupportedMediaType => ("unsupportedMediaType", "this path does not take that content type"),
                _ => ("invalid", "the request was refused"),
            };
            await Problems.WriteAsync(context, status, code, detail, isRetryable: false).ConfigureAwait(false);
        }
    }

    private static void Reset(HttpContext context) => context.Response.Clear();

    private static bool IsOpen(PathString path) => path.StartsWithSegments("/health", StringComparison.Ordinal)
        || path.Equals("/openapi.json", StringComparison.Ordinal);

    private static bool IsAllowed(HttpContext context, HttpGatewayOptions options)
    {
        const string Scheme = "Bearer ";
        var header = context.Request.Headers.Authorization.ToString();
        return header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
            && options.Tokens.Allow(Encoding.UTF8.GetBytes(header[Scheme.Length..].Trim()));
    }

    [LoggerMessage(EventId = 4101, Level = LogLevel.Error, Message = "{Method} {Path} failed")]
    private static partial void LogFailed(ILogger logger, string method, string path, Exception error);
}
