using Atoll.Services.Tables;
using Atoll.Services.Tables.Language.Syntax;
using Atoll.Services.Tables.Types;
using Xunit;

namespace Atoll.Services.Tests.Functions;

public sealed class ArithmeticTests
{
    [Theory]
    [InlineData("int:7", '+', "int:5", "int:12")]
    [InlineData("int:2147483647", '+', "int:1", "int:-2147483648")]
    [InlineData("tinyint:100", '*', "tinyint:2", "tinyint:-56")]
    [InlineData("int:7", '/', "int:-2", "int:-3")]
    [InlineData("int:-7", '%', "int:2", "int:-1")]
    [InlineData("int:-2147483648", '/', "int:-1", "int:-2147483648")]
    [InlineData("bigint:-9223372036854775808", '/', "bigint:-1", "bigint:-9223372036854775808")]
    [InlineData("bigint:-9223372036854775808", '%', "bigint:-1", "bigint:0")]
    [InlineData("smallint:1", '-', "bigint:2", "bigint:-1")]
    [InlineData("counter:1", '+', "int:2", "bigint:3")]
    [InlineData("float:1.5", '*', "int:2", "float:3.0")]
    [InlineData("float:1.5", '*', "bigint:2", "double:3.0")]
    [InlineData("double:1", '/', "int:0", "double:Infinity")]
    [InlineData("double:5.5", '%', "double:2", "double:1.5")]
    [InlineData("varint:10", '*', "int:3", "varint:30")]
    [InlineData("varint:10", '/', "varint:3", "varint:3")]
    [InlineData("varint:1", '+', "float:0.1", "decimal:1.1")]
    [InlineData("decimal:1.10", '+', "decimal:2.2", "decimal:3.30")]
    [InlineData("decimal:1.5", '*', "decimal:1.5", "decimal:2.25")]
    [InlineData("decimal:1", '/', "decimal:3", "decimal:0.33333333333333333333333333333333")]
    [InlineData("decimal:10", '/', "decimal:4", "decimal:2.5")]
    [InlineData("decimal:200", '/', "decimal:2", "decimal:1E+2")]
    [InlineData("decimal:7.5", '%', "int:2", "decimal:1.5")]
    [InlineData("int:null", '+', "int:1", "int:null")]
    [InlineData("int:", '+', "int:1", "int:null")]
    [InlineData("timestamp:0", '+', "duration:1mo1d2h", "timestamp:1970-02-02 02:00:00.000Z")]
    [InlineData("timestamp:0", '-', "duration:1ms", "timestamp:1969-12-31 23:59:59.999Z")]
    [InlineData("date:2020-01-31", '+', "duration:1mo", "date:2020-02-29")]
    [InlineData("date:2020-01-31", '-', "duration:1y1d", "date:2019-01-30")]
    [InlineData("text:a", '+', "ascii:b", "text:ab")]
    public void Operators_compute(string left, char sign, string right, string expected)
    {
        var (first, second) = (FunctionCalls.Value(left), FunctionCalls.Value(right));
        var operation = FunctionCalls.Registry.FindOperator(Operator(sign), first.Type, second.Type, null);
        Assert.Equal(expected, FunctionCalls.Invoke(operation, first, second));
    }

    [Theory]
    [InlineData("int:1", '/', "int:0", "the operation 'int / int' failed: / by zero")]
    [InlineData("bigint:1", '%', "int:0", "the operation 'bigint % int' failed: / by zero")]
    [InlineData("decimal:1", '/', "decimal:0", "the operation 'decimal / decimal' failed: / by zero")]
    [InlineData("decimal:1e999999999", '+', "decimal:1", "the operation 'decimal + decimal' failed: a number has more than 10000 digits")]
    [InlineData("decimal:1e-2147483647", '*', "decimal:1e-5",
        "the operation 'decimal * decimal' failed: a number has more than 10000 digits")]
    [InlineData("decimal:1e999999999", '/', "decimal:1e-999999999",
        "the operation 'decimal / decimal' failed: a number has more than 10000 digits")]
    [InlineData("timestamp:0", '+', "duration:9000y",
        "the operation 'timestamp + duration' failed: the result lies beyond the years 1 to 9999")]
    public void What_has_no_result_fails(string left, char sign, string right, string expected)
    {
        var (first, second) = (FunctionCalls.Value(left), FunctionCalls.Value(right));
        var operation = FunctionCalls.Registry.FindOperator(Operator(sign), first.Type, second.Type, null);
        var error = Assert.Throws<CqlException>(() => FunctionCalls.Invoke(operation, first, second));
        Assert.Equal((CqlErrorCode.FunctionFailure, expected), (error.Code, error.Message));
        Assert.IsType<FunctionFailureDetails>(error.Details);
    }

    [Fact]
    public void A_number_is_bounded_wherever_it_comes_from()
    {
        // To write a million digits takes a minute and a half.
        var digits = new string('7', 10_000);
        foreach (var type in new[] { CqlTypes.Varint, CqlTypes.Decimal })
        {
            var large = CqlLiterals.Parse(type, digits);
            Assert.Equal(digits, CqlFormat.Text(type, large));
            Assert.Throws<CqlException>(() => CqlLiterals.Parse(type, digits + digits));
            Assert.NotNull(CqlValidation.Error(type, new byte[10_000]));
        }

        var varint = (CqlTypes.Varint, (ReadOnlyMemory<byte>?)CqlLiterals.Parse(CqlTypes.Varint, digits));
        var product = FunctionCalls.Registry.FindOperator(ArithmeticOperator.Multiply, CqlTypes.Varint, CqlTypes.Varint, null);
        Assert.Equal(CqlErrorCode.FunctionFailure, Assert.Throws<CqlException>(() => FunctionCalls.Invoke(product, varint, varint)).Code);
    }

    [Theory]
    [InlineData("int", null, null, "int int")]
    [InlineData(null, "double", null, "double double")]
    [InlineData("int", null, "double", "int double")]
    [InlineData("double", null, "int", "double double")]
    [InlineData(null, null, "bigint", "bigint bigint")]
    [InlineData("timestamp", null, null, "timestamp duration")]
    [InlineData(null, null, "date", "date duration")]
    public void An_operand_without_a_type_takes_the_others_or_the_wanted(string? left, string? right, string? expected, string types)
    {
        var operation = FunctionCalls.Registry.FindOperator(ArithmeticOperator.Add, Type(left), Type(right), Type(expected));
        Assert.Equal(types, string.Join(' ', operation.ArgumentTypes));
    }

    [Theory]
    [InlineData(null, null, "Ambiguous '+' operation with args ? and ?: use type hint to disambiguate, example '(int) ?'")]
    [InlineData("int", "text", "the '+' operation is not supported between int and text")]
    [InlineData("duration", "timestamp", "the '+' operation is not supported between duration and timestamp")]
    public void Operands_that_do_not_fit_are_refused(string? left, string? right, string expected) =>
        Assert.Equal(expected, Assert.Throws<CqlException>(() =>
            FunctionCalls.Registry.FindOperator(ArithmeticOperator.Add, Type(left), Type(right), null)).Message);

    [Theory]
    [InlineData("int:5", "int:-5")]
    [InlineData("tinyint:-128", "tinyint:-128")]
    [InlineData("decimal:1.50", "decimal:-1.50")]
    [InlineData("varint:0", "varint:0")]
    [InlineData("double:-0.5", "double:0.5")]
    public void Numbers_are_negated(string value, string expected)
    {
        var typed = FunctionCalls.Value(value);
        Assert.Equal(expected, FunctionCalls.Invoke(FunctionCalls.Registry.FindNegation(typed.Type), typed));
    }

    [Theory]
    [InlineData("count", "text", "a|null|b", "bigint:2")]
    [InlineData("count", "int", "", "bigint:0")]
    [InlineData("min", "int", "3|null|-1|2", "int:-1")]
    [InlineData("max", "text", "b|a|c", "text:c")]
    [InlineData("max", "int", "", "int:null")]
    [InlineData("min", "uuid", "00112233-4455-4677-8899-aabbccddeeff", "uuid:00112233-4455-4677-8899-aabbccddeeff")]
    [InlineData("sum", "int", "2147483647|1", "int:-2147483648")]
    [InlineData("sum", "int", "", "int:0")]
    [InlineData("avg", "int", "2147483647|2147483645", "int:2147483646")]
    [InlineData("avg", "tinyint", "100|100|101", "tinyint:100")]
    [InlineData("avg", "int", "", "int:0")]
    [InlineData("sum", "counter", "1|2", "bigint:3")]
    [InlineData("sum", "varint", "9223372036854775807|1", "varint:9223372036854775808")]
    [InlineData("sum", "double", "0.1|0.2|0.3|0.4", "double:1.0")]
    [InlineData("sum", "double", "Infinity|1", "double:Infinity")]
    [InlineData("sum", "double", "Infinity|-Infinity", "double:NaN")]
    [InlineData("avg", "float", "1|2", "float:1.5")]
    [InlineData("sum", "decimal", "1.10|2.2", "decimal:3.30")]
    [InlineData("avg", "decimal", "1.0|1.1", "decimal:1.0")]
    [InlineData("avg", "decimal", "-1.0|-2.0|-2.0", "decimal:-1.7")]
    public void Aggregates_compute(string name, string type, string rows, string expected) =>
        Assert.Equal(expected, FunctionCalls.Aggregate(name, type, rows.Length == 0 ? [] : rows.Split('|')));

    [Theory]
    [InlineData("sum", "text")]
    [InlineData("avg", "boolean")]
    [InlineData("min", "duration")]
    public void Aggregates_of_what_has_no_such_value_are_refused(string name, string type) =>
        Assert.Throws<CqlException>(() => FunctionCalls.Aggregate(name, type));

    private static CqlType? Type(string? name) => name is null ? null : FunctionCalls.Type(name);

    private static ArithmeticOperator Operator(char sign) => sign switch
    {
        '+' => ArithmeticOperator.Add,
        '-' => ArithmeticOperator.Subtract,
        '*' => ArithmeticOperator.Multiply,
        '/' => ArithmeticOperator.Divide,
        _ => ArithmeticOperator.Modulo,
    };
}
