using Atoll.Output;
using Atoll.Services.Calls;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Atoll.Hosting;

/// <summary>
/// Sends the spans of this process by OTLP: once for all its nodes, since a listener hears the whole process. The variables of
/// OpenTelemetry's specification say where and how.
/// </summary>
internal static class Tracing
{
    private const string EndpointVariable = "OTEL_EXPORTER_OTLP_ENDPOINT";
    private const string TracesEndpointVariable = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
    private const string ProtocolVariable = "OTEL_EXPORTER_OTLP_PROTOCOL";
    private const string TracesProtocolVariable = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL";
    private const string TracesPath = "/v1/traces";

    /// <summary>Begins to send spans; null when nobody said where.</summary>
    /// <param name="endpoint">Where to; null: as the environment says.</param>
    /// <param name="instance">Which process of the service it is; empty: a random one.</param>
    /// <param name="environment">A variable of the environment, or null.</param>
    /// <exception cref="CommandException">A variable says something that cannot be.</exception>
    public static TracerProvider? Start(Uri? endpoint, string instance, Func<string, string?> environment)
    {
        if ((endpoint is null && !IsAskedFor(environment)) || IsOff(environment))
        {
            return null;
        }

        RequireProtocol(environment, ProtocolVariable);
        RequireProtocol(environment, TracesProtocolVariable);
        return Sdk.CreateTracerProviderBuilder()
            .SetResourceBuilder(ResourceBuilder.CreateEmpty()
                .AddService("atoll", serviceInstanceId: instance.Length > 0 ? instance : null)
                .AddTelemetrySdk()
                .AddEnvironmentVariableDetector())
            .AddSource(CallTracing.SourceName, "Microsoft.AspNetCore") // the latter's spans carry on the traceparent of HTTP requests
            .AddOtlpExporter(exporter =>
            {
                if (endpoint is not null)
                {
                    exporter.Endpoint = exporter.Protocol == OtlpExportProtocol.HttpProtobuf && endpoint.AbsolutePath == "/"
                        ? new Uri(endpoint, TracesPath)
                        : endpoint;
                }
            })
            .Build();
    }

    private static bool IsAskedFor(Func<string, string?> environment)
    {
        var isAsked = false;
        foreach (var name in new[] { EndpointVariable, TracesEndpointVariable })
        {
            if (environment(name) is { Length: > 0 } text)
            {
                isAsked = true;
                if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
                {
                    throw new CommandException($"{name} must be a URL with http or https, not \"{text}\"");
                }
            }
        }

        return isAsked;
    }

    private static bool IsOff(Func<string, string?> environment) =>
        string.Equals(environment("OTEL_SDK_DISABLED"), "true", StringComparison.OrdinalIgnoreCase)
        || environment("OTEL_TRACES_EXPORTER") == "none";

    private static void RequireProtocol(Func<string, string?> environment, string name)
    {
        if (environment(name) is { Length: > 0 } protocol and not ("grpc" or "http/protobuf"))
        {
            throw new CommandException($"{name} is grpc or http/protobuf, not \"{protocol}\"");
        }
    }
}
