using System.Globalization;
using Atoll.Foundation.Identity;
using Atoll.Services.Calls;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;

namespace Atoll.Gateways.Http;

/// <summary>
/// Says on ASP.NET Core's span of a request what it was, by OpenTelemetry's conventions for HTTP servers: its name is the method and the
/// route, never the path, which holds keys.
/// </summary>
internal static class HttpTracing
{
    public static async Task DescribeAsync(HttpContext context, Func<HttpContext, Task> next, NodeId node)
    {
        await next(context).ConfigureAwait(false);
        if (context.Features.Get<IHttpActivityFeature>()?.Activity is not { IsAllDataRequested: true } span)
        {
            return;
        }

        CallTracing.SetNode(span, node);
        var route = (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText;
        var status = context.Response.StatusCode;
        span.DisplayName = route is null ? context.Request.Method : $"{context.Request.Method} {route}";
        span.SetTag("http.request.method", context.Request.Method);
        span.SetTag("http.route", route);
        span.SetTag("http.response.status_code", status);
        if (status >= StatusCodes.Status500InternalServerError)
        {
            span.SetTag("error.type", status.ToString(CultureInfo.InvariantCulture));
            span.SetStatus(System.Diagnostics.ActivityStatusCode.Error);
        }
    }
}
