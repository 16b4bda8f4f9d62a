// streamsload puts the load of `atoll bench streams` on NATS JetStream or RabbitMQ, through their own Go clients: connections that keep
// so many messages unacknowledged each, or that read what is there. It prints one line of JSON.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/streadway/amqp"
)

const name = "bench"

type row struct {
	System       string  `json:"system"`
	Load         string  `json:"load"`
	MessageBytes int     `json:"messageBytes"`
	Messages     int     `json:"messages"`
	Rate         float64 `json:"messagesPerSecond"`
	Megabytes    float64 `json:"megabytesPerSecond"`
	P50          float64 `json:"p50Ms"`
	P99          float64 `json:"p99Ms"`
	P999         float64 `json:"p999Ms"`
}

// A connection that publishes: send hands a message over, and acknowledged waits until the oldest that is not yet is.
type publisher interface {
	send(body []byte)
	acknowledged()
}

// What a system is asked to do.
type system interface {
	create(replicas int)
	publisher(connection, window int) publisher
	consume(count int) int
}

func main() {
	kind := flag.String("system", "nats", "nats or rabbitmq")
	urls := flag.String("urls", "", "comma-separated")
	load := flag.String("load", "produce", "create, produce or consume")
	messageBytes := flag.Int("message-bytes", 256, "size of a message")
	connections := flag.Int("connections", 4, "connections that publish")
	inFlight := flag.Int("in-flight", 1024, "unacknowledged messages, in all")
	seconds := flag.Float64("seconds", 8, "measured time")
	warmUp := flag.Float64("warm-up", 2, "seconds before measuring")
	count := flag.Int("count", 200000, "messages to consume")
	flag.Parse()

	var target system
	if *kind == "nats" {
		target = &jetStream{*urls}
	} else {
		target = &quorumQueue{strings.Split(*urls, ",")}
	}
	switch *load {
	case "create":
		target.create(3)
	case "produce":
		tell(*kind, produce(target, *messageBytes, *connections, *inFlight / *connections, *warmUp, *seconds), *messageBytes, *seconds)
	case "consume":
		began := time.Now()
		read := target.consume(*count)
		took := time.Since(began).Seconds()
		print(row{*kind, "consume", *messageBytes, read, float64(read) / took, float64(read**messageBytes) / took / 1e6, 0, 0, 0})
	}
}

func produce(target system, messageBytes, connections, window int, warmUp, seconds float64) []time.Duration {
	start := time.Now().Add(time.Duration(warmUp * float64(time.Second)))
	end := start.Add(time.Duration(seconds * float64(time.Second)))
	body := make([]byte, messageBytes)
	latencies := make([][]time.Duration, connections)
	var wait sync.WaitGroup
	for c := 0; c < connections; c++ {
		wait.Add(1)
		go func(c int) {
			defer wait.Done()
			publisher := target.publisher(c, window)
			sent := make(chan time.Time, window)
			go func() {
				for time.Now().Before(end) {
					sent <- time.Now()
					publisher.send(body)
				}
				close(sent)
			}()
			for began := range sent {
				publisher.acknowledged()
				if now := time.Now(); !began.Before(start) && now.Before(end) {
					latencies[c] = append(latencies[c], now.Sub(began))
				}
			}
		}(c)
	}
	wait.Wait()
	var all []time.Duration
	for _, one := range latencies {
		all = append(all, one...)
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	return all
}

func tell(kind string, latencies []time.Duration, messageBytes int, seconds float64) {
	at := func(quantile float64) float64 {
		if len(latencies) == 0 {
			return 0
		}
		return float64(latencies[int(quantile*float64(len(latencies)-1))]) / float64(time.Millisecond)
	}
	rate := float64(len(latencies)) / seconds
	print(row{kind, "produce", messageBytes, len(latencies), rate, rate * float64(messageBytes) / 1e6, at(0.50), at(0.99), at(0.999)})
}

func print(result row) { json.NewEncoder(os.Stdout).Encode(result) }

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "streamsload:", err)
		os.Exit(1)
	}
}

// A file stream of three replicas; servers acknowledge what a quorum has, before it is synced to disk.
type jetStream struct{ urls string }

func (target *jetStream) connect(window int) nats.JetStreamContext {
	connection, err := nats.Connect(target.urls, nats.Timeout(5*time.Second))
	check(err)
	context, err := connection.JetStream(nats.PublishAsyncMaxPending(window*2), nats.MaxWait(30*time.Second))
	check(err)
	return context
}

func (target *jetStream) create(replicas int) {
	context := target.connect(1)
	context.DeleteStream(name)
	var err error
	for try := 0; try < 100; try++ {
		_, err = context.AddStream(&nats.StreamConfig{
			Name: name, Subjects: []string{name + ".>"}, Storage: nats.FileStorage, Replicas: replicas,
		})
		if err == nil {
			return
		}
		time.Sleep(200 * time.Millisecond) // the servers may still be electing
	}
	check(err)
}

type jetStreamPublisher struct {
	context nats.JetStreamContext
	futures chan nats.PubAckFuture
}

func (target *jetStream) publisher(connection, window int) publisher {
	return &jetStreamPublisher{target.connect(window), make(chan nats.PubAckFuture, window*2)}
}

func (one *jetStreamPublisher) send(body []byte) {
	future, err := one.context.PublishAsync(name+".x", body, nats.StallWait(30*time.Second))
	check(err)
	one.futures <- future
}

func (one *jetStreamPublisher) acknowledged() {
	future := <-one.futures
	select {
	case <-future.Ok():
	case err := <-future.Err():
		check(err)
	}
}

// Replayed in order, without acknowledgements: the fastest way that it has.
func (target *jetStream) consume(count int) int {
	context := target.connect(1)
	done := make(chan bool)
	read := 0
	_, err := context.Subscribe(name+".x", func(*nats.Msg) {
		if read++; read == count {
			close(done)
		}
	}, nats.OrderedConsumer())
	check(err)
	select {
	case <-done:
	case <-time.After(time.Minute):
	}
	return read
}

// A quorum queue of three replicas; servers confirm what a quorum has synced.
type quorumQueue struct{ urls []string }

func (target *quorumQueue) connect(connection int) *amqp.Channel {
	link, err := amqp.Dial(target.urls[connection%len(target.urls)])
	check(err)
	channel, err := link.Channel()
	check(err)
	return channel
}

func (target *quorumQueue) create(replicas int) {
	channel := target.connect(0)
	_, err := channel.QueueDelete(name, false, false, false)
	check(err)
	_, err = channel.QueueDeclare(name, true, false, false, false, amqp.Table{
		"x-queue-type": "quorum", "x-quorum-initial-group-size": int32(replicas),
	})
	check(err)
}

type queuePublisher struct {
	channel  *amqp.Channel
	confirms chan amqp.Confirmation
}

func (target *quorumQueue) publisher(connection, window int) publisher {
	channel := target.connect(connection)
	check(channel.Confirm(false))
	return &queuePublisher{channel, channel.NotifyPublish(make(chan amqp.Confirmation, window*2))}
}

func (one *queuePublisher) send(body []byte) {
	check(one.channel.Publish("", name, false, false, amqp.Publishing{DeliveryMode: amqp.Persistent, Body: body}))
}

func (one *queuePublisher) acknowledged() {
	if confirm, ok := <-one.confirms; !ok || !confirm.Ack {
		check(fmt.Errorf("a message was refused"))
	}
}

// Acknowledged 64 at once.
func (target *quorumQueue) consume(count int) int {
	const together = 64
	channel := target.connect(0)
	check(channel.Qos(1024, 0, false))
	deliveries, err := channel.Consume(name, "", false, false, false, false, nil)
	check(err)
	timeout := time.After(time.Minute)
	read := 0
	for read < count {
		select {
		case delivery := <-deliveries:
			if read++; read%together == 0 || read == count {
				check(delivery.Ack(true))
			}
		case <-timeout:
			return read
		}
	}
	return read
}
